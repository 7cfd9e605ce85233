// `[data-load]` links add the next or the previous page to `[data-infinite-scroll]`, each hit to its own section. The
// next page also loads when the end comes near, a few times in a row, and not among weak matches. The URL stays; the
// place in view is kept in the state of the history, so that "back" and "reload" return to it.

import { fetchPage, navigate, opensElsewhere, placeUrl, showOffline } from "./partial-navigation.js";

const LOAD_MARGIN = "600px";
const MAX_AUTOMATIC_PAGES = 3; // in a row, so that the end of the page can be reached
const SAVE_DELAY = 150; // ms

const observer = new IntersectionObserver(
  (entries) => {
    if (!entries.some((entry) => entry.isIntersecting) || automaticPages === MAX_AUTOMATIC_PAGES) return;
    automaticPages += 1;
    load("next");
  },
  { rootMargin: LOAD_MARGIN },
);
let automaticPages = 0;
let loading = Promise.resolve(); // one page after another
let restoring = false; // the place is farther down than the pages that are loaded
let timer;

const list = () => document.querySelector("[data-infinite-scroll]");

// Images added meanwhile shift the pages, so a tile may come twice.
function addTiles(fetched, { before }) {
  const knownIds = new Set([...list().querySelectorAll(".tile")].map((tile) => tile.dataset.id));
  const sections = [...fetched.querySelectorAll("[data-section]")];
  const added = [];
  for (const section of before ? sections.reverse() : sections) {
    const group = section.querySelector("[data-group]");
    const tiles = [...group.children].filter((tile) => !knownIds.has(tile.dataset.id));
    if (!tiles.length) continue;
    for (const tile of tiles) tile.dataset.place = fetched.dataset.place;
    group.replaceChildren(...tiles);
    const present = list().querySelector(`[data-group="${group.dataset.group}"]`);
    if (before) present ? present.prepend(...tiles) : list().prepend(section);
    else present ? present.append(...tiles) : list().append(section);
    added.push(...tiles);
  }
  return added;
}

const load = (direction) => (loading = loading.then(() => loadPage(direction)));

async function loadPage(direction) {
  const link = document.querySelector(`[data-load=${direction}]`);
  if (!link) return;
  const [target, before] = [list(), direction === "previous"];
  const [first, hadFocus] = [target.querySelector(".tile"), document.activeElement === link];
  target.setAttribute("aria-busy", "true");
  try {
    const { page } = await fetchPage(link.href);
    if (!target.isConnected) return; // another search was shown meanwhile
    const top = first?.getBoundingClientRect().top;
    const added = addTiles(page.querySelector("[data-infinite-scroll]"), { before });
    const links = before ? ".load-earlier" : "[data-page-links]";
    const newLinks = page.querySelector(links);
    newLinks ? document.querySelector(links).replaceWith(newLinks) : document.querySelector(links).remove();
    if (before && first) scrollBy(0, first.getBoundingClientRect().top - top);
    if (hadFocus) added[0]?.querySelector("a").focus({ preventScroll: before });
    if (restoring) scrollToPlace();
    observeEnd();
  } catch {
    observer.disconnect(); // the link still works
    showOffline(() => load(direction));
  } finally {
    target.setAttribute("aria-busy", "false");
  }
}

function observeEnd() {
  observer.disconnect();
  const link = document.querySelector("[data-load=next][data-automatic]");
  if (link) observer.observe(link);
}

function middleTile() {
  const tiles = [...list().querySelectorAll(".tile:not([hidden])")];
  return tiles.find((tile) => tile.getBoundingClientRect().bottom > innerHeight / 2) ?? tiles.at(-1);
}

function savePlace(leftBy) {
  if (!list() || restoring || document.querySelector("[data-partial-navigation][aria-busy=true]")) return;
  const tile = leftBy?.closest("[data-infinite-scroll] .tile") ?? middleTile();
  if (!tile) return;
  const { id, place = list().dataset.place } = tile.dataset;
  history.replaceState({ ...history.state, place, id, top: tile.getBoundingClientRect().top }, "");
}

function scrollToPlace() {
  const { id, top } = history.state ?? {};
  const tile = id && list()?.querySelector(`.tile[data-id="${id}"]`);
  if (!tile) return;
  scrollBy(0, tile.getBoundingClientRect().top - top);
  restoring = Math.abs(tile.getBoundingClientRect().top - top) > 1;
}

document.addEventListener(
  "click",
  (event) => {
    savePlace(event.target); // the click may lead away
    const link = event.target.closest?.("[data-load]");
    if (!link || opensElsewhere(event)) return;
    event.preventDefault();
    event.stopPropagation();
    automaticPages = 0;
    load(link.dataset.load);
  },
  true,
);
for (const input of ["wheel", "pointerdown", "keydown"]) {
  addEventListener(input, () => (restoring = false), { capture: true, passive: true });
}
addEventListener("scroll", () => {
  clearTimeout(timer);
  timer = setTimeout(() => savePlace(), SAVE_DELAY);
});
document.addEventListener("contentreplaced", () => {
  clearTimeout(timer);
  automaticPages = 0;
  scrollToPlace();
  observeEnd();
});

history.scrollRestoration = "manual";
if (history.state && history.state.place !== list()?.dataset.place) navigate(placeUrl(), { push: false });
else {
  scrollToPlace();
  observeEnd();
}
