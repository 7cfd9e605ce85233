// Under `[data-submit-on-change]` a chosen file or list entry submits its form, with no button to press.

const KEYBOARD_PAUSE = 500; // ms: arrow keys walk through a closed list, and each step is a change

for (const place of document.querySelectorAll("[data-submit-on-change]")) {
  let timer;
  place.addEventListener("change", ({ target }) => {
    const isFile = target.type === "file";
    if (isFile ? !target.files.length : !target.matches("select, [type=checkbox], [type=radio]")) return;
    clearTimeout(timer);
    timer = setTimeout(() => target.form.requestSubmit(), isFile ? 0 : KEYBOARD_PAUSE);
  });
}

// Empty choices of a filter stay out of its address.
for (const form of document.querySelectorAll("form[method=get][data-submit-on-change]")) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
  });
}
