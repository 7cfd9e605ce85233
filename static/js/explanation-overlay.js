// While the pointer or the focus rests on a hit, the areas that matched are highlighted in it and in the query photo.

const DELAY = 350; // ms: a pointer that only passes over a hit loads nothing

let timer;
let overlays = [];

function addOverlay(target, url) {
  const overlay = new Image();
  overlay.className = "explanation-overlay";
  overlay.alt = "";
  overlay.addEventListener("load", () => overlay.classList.add("loaded"));
  overlay.addEventListener("error", () => overlay.remove());
  overlay.src = url;
  target.after(overlay);
  return overlay;
}

function showOverlays(tile) {
  const { explanationUrl, explanationQuery = "" } = tile.closest("[data-explanation-url]").dataset;
  const url = (side) => `${explanationUrl}${tile.dataset.id}/${side}.webp${explanationQuery}`;
  const photo = document.querySelector("[data-explanation-photo] img");
  overlays = [addOverlay(tile.querySelector("img"), url("image"))];
  if (photo && !explanationQuery) overlays.push(addOverlay(photo, url("photo")));
}

function hideOverlays() {
  clearTimeout(timer);
  for (const overlay of overlays) overlay.remove();
  overlays = [];
}

function schedule({ target }) {
  const tile = target.closest?.("[data-explanation-url] [data-id]");
  hideOverlays();
  if (tile) timer = setTimeout(() => tile.isConnected && showOverlays(tile), DELAY);
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "mouse" && !event.target.closest("[data-id]")?.contains(event.relatedTarget)) schedule(event);
});
document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && schedule(event));
document.addEventListener("keydown", ({ key }) => key === "Escape" && hideOverlays());
document.addEventListener("contentreplaced", hideOverlays);
