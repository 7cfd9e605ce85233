// Files dropped or pasted anywhere on the page go into `input[data-drop-anywhere]`, as if they had been chosen there.

const target = () => document.querySelector("input[type=file][data-drop-anywhere]");

if (target()) {
  const page = document.documentElement;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave fire for every element the pointer crosses

  const mark = (newDepth) => {
    depth = Math.max(0, newDepth);
    page.classList.toggle("dragging", depth > 0);
  };

  const choose = (files) => {
    const input = target();
    const chosen = new DataTransfer();
    for (const file of input.multiple ? files : [...files].slice(0, 1)) chosen.items.add(file);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  page.addEventListener("dragenter", (event) => holdsFiles(event) && mark(depth + 1));
  page.addEventListener("dragleave", (event) => holdsFiles(event) && mark(depth - 1));
  page.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  page.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    mark(0);
    if (event.dataTransfer.files.length) choose(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return; // pasted text belongs to the field it is pasted into
    event.preventDefault();
    choose(event.clipboardData.files);
  });
}
