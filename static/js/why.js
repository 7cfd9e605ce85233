// Over a result, or with the focus on it, for a moment: the parts that made its score are lit, in it and in the photo.

const PAUSE = 350; // ms: a pointer on its way across asks for nothing

let timer;
let shown = [];

function lay(over, address) {
  const overlay = new Image();
  overlay.className = "why-overlay";
  overlay.alt = "";
  overlay.addEventListener("load", () => overlay.classList.add("there"));
  overlay.addEventListener("error", () => overlay.remove());
  overlay.src = address;
  over.after(overlay);
  return overlay;
}

function show(tile) {
  const { why, whyCrop = "" } = tile.closest("[data-why]").dataset;
  const address = (which) => `${why}${tile.dataset.id}/${which}.webp${whyCrop}`;
  const photo = document.querySelector("[data-why-photo] img");
  shown = [lay(tile.querySelector("img"), address("image"))];
  if (photo && !whyCrop) shown.push(lay(photo, address("photo")));
}

function hide() {
  clearTimeout(timer);
  for (const overlay of shown) overlay.remove();
  shown = [];
}

function come({ target }) {
  const tile = target.closest?.("[data-why] [data-id]");
  hide();
  if (tile) timer = setTimeout(() => tile.isConnected && show(tile), PAUSE);
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "mouse" && !event.target.closest("[data-id]")?.contains(event.relatedTarget)) come(event);
});
document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && come(event));
document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
document.addEventListener("followed", hide);
