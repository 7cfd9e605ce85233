// Under `[data-submit-on-change]` a chosen file or list entry submits its form, with no button to press.

const KEYBOARD_PAUSE = 500; // ms: arrow keys walk through a closed list, and each step is a change

let timer;

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-submit-on-change]")) return;
  const isFile = target.type === "file";
  const isChoice = target.matches("select, [type=checkbox], [type=radio], [type=range]");
  if (isFile ? !target.files.length : !isChoice) return;
  clearTimeout(timer);
  timer = setTimeout(() => target.form?.requestSubmit(), isFile ? 0 : KEYBOARD_PAUSE);
});

// A slider says where it stands.
document.addEventListener("input", ({ target }) => {
  const output = target.type === "range" && target.form?.querySelector(`output[for="${target.id}"]`);
  if (output) output.value = Number(target.value).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });
});

// Empty choices of a filter, and a slider at its beginning, stay out of its address.
document.addEventListener("formdata", ({ target: form, formData }) => {
  if (form.method !== "get") return;
  for (const [name, value] of [...formData]) {
    const { type, min } = form.elements[name] ?? {};
    if (value === "" || (type === "range" && Number(value) === Number(min))) formData.delete(name);
  }
});
