// The next page of a list comes by itself when its end comes near; the address names the page that is in view.

const MARGIN = "600px";

const loads = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), {
  rootMargin: MARGIN,
});
let loading = false;
let looking = false;

// The page of the last tile that begins one above the middle of the window.
function look() {
  looking = false;
  const begun = [...document.querySelectorAll("[data-endless] [data-page]")];
  const above = begun.filter((tile) => tile.getBoundingClientRect().top < innerHeight / 2);
  if (begun.length) nameInAddress((above.at(-1) ?? begun[0]).dataset.page);
}

function nameInAddress(page) {
  const address = new URL(location);
  if ((address.searchParams.get("page") ?? "1") === page) return;
  if (page === "1") address.searchParams.delete("page");
  else address.searchParams.set("page", page);
  history.replaceState(history.state, "", address.href.replaceAll("%2C", ","));
}

async function load() {
  const list = document.querySelector("[data-endless]");
  const pages = list?.parentElement.querySelector(".pagination");
  const next = pages?.querySelector("a[rel=next]");
  if (!next || loading) return;
  loading = true;
  list.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(next.href);
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!list.isConnected) return; // another search was shown meanwhile
    const more = page.querySelector("[data-endless]");
    const known = new Set([...list.children].map((tile) => tile.dataset.id));
    const tiles = [...more.children].filter((tile) => !known.has(tile.dataset.id)); // the list may have grown above
    if (tiles.length) tiles[0].dataset.page = more.dataset.page;
    list.append(...tiles);
    pages.replaceWith(page.querySelector(".pagination"));
  } catch {
    loads.disconnect(); // the links to the other pages are still there
    return;
  } finally {
    loading = false;
    list.setAttribute("aria-busy", "false");
  }
  watch();
}

function watch() {
  loads.disconnect();
  const list = document.querySelector("[data-endless]");
  const pages = list?.parentElement.querySelector(".pagination");
  if (!pages) return;
  const first = list.firstElementChild; // none where all of a page are copies of what stands before
  if (first) first.dataset.page ??= list.dataset.page;
  loads.observe(pages);
}

addEventListener("scroll", () => {
  if (!looking) requestAnimationFrame(look);
  looking = true;
});
document.addEventListener("followed", watch);
watch();
