// A list `select[data-type-ahead]` with many options becomes a field: typing narrows the options, which have covers where
// `data-cover-url` says where these are (with 0 for the value of the option). The list itself is hidden and sent.

const MIN_OPTIONS = 8;
const MAX_SHOWN = 100;

// "É" is found by "e".
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function matching(options, text) {
  const words = folded(text).split(/\s+/).filter(Boolean);
  return options.filter((option) => words.every((word) => option.value && folded(option.text).includes(word)));
}

function createField(select) {
  const box = document.createElement("div");
  const [input, list, message] = ["input", "ul", "p"].map((name) => document.createElement(name));
  box.className = "combobox";
  Object.assign(input, { id: `${select.id}_text`, type: "text", autocomplete: "off", spellcheck: false });
  Object.assign(list, { id: `${select.id}_list`, hidden: true });
  Object.assign(message, { hidden: true, textContent: select.dataset.typeAhead });
  message.setAttribute("role", "status");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  list.setAttribute("role", "listbox");
  box.append(input, list, message);
  select.hidden = true;
  select.after(box);
  const [label] = select.labels;
  list.setAttribute("aria-label", label.textContent.trim());
  label.htmlFor = input.id;
  return { box, input, list, message };
}

function createRow(select, option) {
  const row = document.createElement("li");
  row.id = `${select.id}_${option.index}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", String(option.selected));
  if (select.dataset.coverUrl && option.value) {
    const cover = Object.assign(new Image(), { loading: "lazy", alt: "", width: 38, height: 38 });
    cover.src = select.dataset.coverUrl.replace("/0/", `/${option.value}/`);
    row.append(cover);
  }
  row.append(option.text);
  return row;
}

function start(select) {
  const options = [...select.options];
  const { box, input, list, message } = createField(select);
  let shown = []; // the options in the open list
  let active = -1; // the index in `shown` of the option that Enter chooses

  function showChoice() {
    input.value = select.value ? select.selectedOptions[0].text : "";
    input.placeholder = options[0].text;
  }

  function setActive(index) {
    list.children[active]?.classList.remove("active");
    active = index;
    const row = list.children[active];
    row?.classList.add("active");
    row?.scrollIntoView({ block: "nearest" });
    if (row) input.setAttribute("aria-activedescendant", row.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function open(text = "") {
    shown = (text.trim() ? matching(options, text) : options).slice(0, MAX_SHOWN);
    list.replaceChildren(...shown.map((option) => createRow(select, option)));
    const opens = list.hidden && shown.length;
    list.hidden = !shown.length;
    message.hidden = Boolean(shown.length);
    if (opens) list.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-expanded", String(!list.hidden));
    setActive(text.trim() ? Math.min(0, shown.length - 1) : shown.findIndex((option) => option.selected));
  }

  function close() {
    list.hidden = message.hidden = true;
    input.setAttribute("aria-expanded", "false");
    setActive(-1);
    showChoice();
  }

  function choose(option) {
    const changed = !option.selected;
    option.selected = true;
    close();
    if (changed) select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => list.hidden && open());
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.hidden) open();
    else if (step) setActive((active + step + shown.length) % shown.length);
    else if (event.key === "Enter" && shown[active]) choose(shown[active]);
    else if (event.key === "Escape" && !(list.hidden && message.hidden)) close();
    else return;
    event.preventDefault();
  });
  box.addEventListener("pointerdown", (event) => event.target !== input && event.preventDefault()); // keeps the focus
  list.addEventListener("click", (event) => {
    const row = event.target.closest("li");
    if (row) choose(shown[[...list.children].indexOf(row)]);
  });
  addEventListener("pageshow", showChoice); // browsers restore what was chosen
  showChoice();
}

function startAll() {
  for (const select of document.querySelectorAll("select[data-type-ahead]:not([hidden])")) {
    if (select.options.length >= MIN_OPTIONS) start(select);
  }
}

let focusedId; // when filters are applied, the field is replaced by a new one
document.addEventListener("focusin", ({ target }) => (focusedId = target.id));
document.addEventListener("contentreplaced", () => {
  startAll();
  if (document.activeElement === document.body && focusedId?.endsWith("_text")) document.getElementById(focusedId)?.focus();
});
startAll();
