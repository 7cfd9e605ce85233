// Loads the next page of `[data-infinite-scroll]` when its end comes near. The URL names the page in view.

const LOAD_MARGIN = "600px";

const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && loadNextPage(), {
  rootMargin: LOAD_MARGIN,
});
let loading = false;
let updateScheduled = false;

const grid = () => document.querySelector("[data-infinite-scroll]");
const pagination = () => grid()?.parentElement.querySelector(".pagination");

// The page in view: that of the last page start above the middle of the window.
function updatePageInUrl() {
  updateScheduled = false;
  const pageStarts = [...document.querySelectorAll("[data-infinite-scroll] [data-page]")];
  const above = pageStarts.filter((tile) => tile.getBoundingClientRect().top < innerHeight / 2);
  if (pageStarts.length) setPageInUrl((above.at(-1) ?? pageStarts[0]).dataset.page);
}

function setPageInUrl(page) {
  const url = new URL(location);
  if ((url.searchParams.get("page") ?? "1") === page) return;
  if (page === "1") url.searchParams.delete("page");
  else url.searchParams.set("page", page);
  history.replaceState(history.state, "", url.href.replaceAll("%2C", ","));
}

async function loadNextPage() {
  const list = grid();
  const oldPagination = pagination();
  const nextLink = oldPagination?.querySelector("a[rel=next]");
  if (!nextLink || loading) return;
  loading = true;
  list.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(nextLink.href);
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!list.isConnected) return; // another search was shown meanwhile
    const nextList = page.querySelector("[data-infinite-scroll]");
    const knownIds = new Set([...list.children].map((tile) => tile.dataset.id));
    // Images added meanwhile shift the pages, so a tile may come twice.
    const tiles = [...nextList.children].filter((tile) => !knownIds.has(tile.dataset.id));
    if (tiles.length) tiles[0].dataset.page = nextList.dataset.page;
    list.append(...tiles);
    oldPagination.replaceWith(page.querySelector(".pagination"));
  } catch {
    observer.disconnect(); // the links to the other pages still work
    return;
  } finally {
    loading = false;
    list.setAttribute("aria-busy", "false");
  }
  observeEnd();
}

function observeEnd() {
  observer.disconnect();
  if (!pagination()) return;
  const firstTile = grid().firstElementChild; // none if the page holds only near-duplicates of earlier hits
  if (firstTile) firstTile.dataset.page ??= grid().dataset.page;
  observer.observe(pagination());
}

addEventListener("scroll", () => {
  if (!updateScheduled) requestAnimationFrame(updatePageInUrl);
  updateScheduled = true;
});
document.addEventListener("contentreplaced", observeEnd);
observeEnd();
