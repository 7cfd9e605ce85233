// Files dropped or pasted anywhere on the page go into `input[data-drop-target]`, as if they were chosen there. Of folders,
// an input for many files gets the event "folderschosen", and one for a single photo the first picture.

import { isPicture, readEntries } from "./folders.js";

const fileInput = () => document.querySelector("input[type=file][data-drop-target]");

if (fileInput()) {
  const page = document.documentElement;
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // dragenter and dragleave fire for every element that the pointer crosses

  const setDepth = (newDepth) => {
    depth = Math.max(0, newDepth);
    page.classList.toggle("dragging", depth > 0);
  };

  const chooseFiles = (files) => {
    const input = fileInput();
    const transfer = new DataTransfer();
    for (const file of input.multiple ? files : [...files].slice(0, 1)) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const chooseFolders = (found) => {
    const input = fileInput();
    const pictures = found.filter(isPicture);
    if (input.multiple) input.dispatchEvent(new CustomEvent("folderschosen", { detail: found, bubbles: true }));
    else if (pictures.length) chooseFiles([pictures[0].file]);
  };

  page.addEventListener("dragenter", (event) => holdsFiles(event) && setDepth(depth + 1));
  page.addEventListener("dragleave", (event) => holdsFiles(event) && setDepth(depth - 1));
  page.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  page.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    setDepth(0);
    const { files, items } = event.dataTransfer;
    const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (entries.some((entry) => entry.isDirectory)) readEntries(entries).then(chooseFolders);
    else if (files.length) chooseFiles(files);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return; // pasted text belongs to the focused field
    event.preventDefault();
    chooseFiles(event.clipboardData.files);
  });
}
