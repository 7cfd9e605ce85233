// Inside `[data-submit-on-change]`, a chosen file or list entry submits its form.

const KEYBOARD_DELAY = 500; // ms: arrow keys step through a closed list, and each step is a change

let timer;

document.addEventListener("change", ({ target, isTrusted }) => {
  if (!target.closest("[data-submit-on-change]")) return;
  const isFile = target.type === "file";
  const isChoice = target.matches("select, [type=checkbox], [type=radio], [type=range]");
  if (isFile ? !target.files.length : !isChoice) return;
  clearTimeout(timer);
  timer = setTimeout(() => target.form?.requestSubmit(), isFile || !isTrusted ? 0 : KEYBOARD_DELAY); // type-ahead.js sends one choice
});

// The output of a slider shows its value, or `data-min-label` at the minimum.
document.addEventListener("input", ({ target }) => {
  const output = target.type === "range" && target.form?.querySelector(`output[for="${target.id}"]`);
  if (!output) return;
  const isMinimum = Number(target.value) === Number(target.min);
  const number = Number(target.value).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });
  output.value = isMinimum ? (target.dataset.minLabel ?? number) : number;
});

// Empty choices, and a slider at its minimum, stay out of the URL.
document.addEventListener("formdata", ({ target: form, formData }) => {
  if (form.method !== "get") return;
  for (const [name, value] of [...formData]) {
    const { type, min } = form.elements[name] ?? {};
    if (value === "" || (type === "range" && Number(value) === Number(min))) formData.delete(name);
  }
});

// A file that was chosen before this script was loaded. Browsers restore chosen files on "back" and "reload", which
// must not submit them again.
if (performance.getEntriesByType("navigation")[0]?.type === "navigate") {
  for (const input of document.querySelectorAll("input[type=file][data-submit-on-change]")) {
    if (input.files.length) input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
