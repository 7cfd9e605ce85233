// Links to "?…" and GET forms inside `[data-partial-navigation]` load without a page load: the elements with
// `data-region` are replaced, the URL changes, and the new text of `[data-announce]` is announced to screen readers.
// `history.state.place` names the part of the results that was in view, where that is not the URL's own.

const container = document.querySelector("[data-partial-navigation]");
let controller;
let shownUrl = location.pathname + location.search;

function keepDetailsOpen(oldRegion, newRegion) {
  for (const details of oldRegion.querySelectorAll("details[id][open]")) {
    const counterpart = newRegion.querySelector(`#${details.id}`);
    if (counterpart) counterpart.open = true;
  }
}

function replaceRegions(page) {
  const focusedId = document.activeElement?.id;
  for (const region of document.querySelectorAll("[data-region]")) {
    const newRegion = page.querySelector(`[data-region="${region.dataset.region}"]`);
    if (!newRegion) continue;
    keepDetailsOpen(region, newRegion);
    region.replaceWith(document.adoptNode(newRegion));
  }
  if (focusedId && document.activeElement === document.body) document.getElementById(focusedId)?.focus();
}

function announce() {
  const status = container.querySelector(":scope > [role=status]");
  if (status) status.textContent = container.querySelector("[data-announce]")?.textContent.trim() ?? "";
}

// Say that the site did not answer; the button tries again. What is on the page stays.
export function showOffline(retry) {
  const note = document.querySelector("[data-offline]");
  note.hidden = false;
  note.querySelector("button").onclick = () => {
    note.hidden = true;
    retry();
  };
}

export const placeUrl = () => {
  const { place } = history.state ?? {};
  return place === undefined ? location.href : location.pathname + (place && `?${place}`);
};

// The document at `url`, and its final address. Throws where there is none of ours.
export async function fetchPage(url, signal) {
  const response = await fetch(url, { signal });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok || !page.querySelector("[data-region]")) throw new Error(response.status);
  return { page, url: response.url };
}

// Show the page at `url`. On an error page the browser loads the URL itself and shows it.
export async function navigate(url, { push = true } = {}) {
  controller?.abort();
  controller = new AbortController();
  const { signal } = controller;
  container.setAttribute("aria-busy", "true");
  try {
    const fetched = await fetchPage(url, signal);
    if (signal.aborted) return;
    replaceRegions(fetched.page);
    document.title = fetched.page.title;
    if (push) history.pushState(null, "", fetched.url.replace(/\?$/, ""));
    shownUrl = location.pathname + location.search;
    announce();
    container.setAttribute("aria-busy", "false");
    document.dispatchEvent(new Event("contentreplaced"));
  } catch (error) {
    if (signal.aborted) return;
    container.setAttribute("aria-busy", "false");
    if (error instanceof TypeError) showOffline(() => navigate(url, { push })); // the network failed
    else location.assign(url);
  }
}

// Whether a click opens the link elsewhere: in a new tab, a new window or as a download.
export const opensElsewhere = (event) =>
  event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;

function formUrl(form, submitter) {
  const url = new URL(form.getAttribute("action") ?? location.pathname, location);
  const data = new FormData(form, submitter);
  url.search = new URLSearchParams([...data].filter(([, value]) => typeof value === "string" && value !== ""));
  return url.href.replaceAll("%2C", ",");
}

if (container) {
  container.addEventListener("submit", (event) => {
    if (event.target.method !== "get") return;
    event.preventDefault();
    navigate(formUrl(event.target, event.submitter));
  });
  container.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='?']");
    if (!link || opensElsewhere(event)) return;
    event.preventDefault();
    navigate(link.href);
    if (link.closest(".pagination")) document.querySelector("[data-region=results], [data-region=browse]")?.scrollIntoView();
  });
  addEventListener("popstate", () => {
    const isFragment = !history.state && shownUrl === location.pathname + location.search;
    if (!isFragment) navigate(placeUrl(), { push: false });
  });
}
