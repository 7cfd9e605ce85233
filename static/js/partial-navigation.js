// Links to "?…" and GET forms inside `[data-partial-navigation]` load without a page load: the elements with
// `data-region` are replaced, the URL changes, and the new text of `[data-announce]` is announced to screen readers.

const container = document.querySelector("[data-partial-navigation]");
let controller;

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

// Show the page at `url`. On any error the browser loads the URL itself and shows the error page.
export async function navigate(url, { push = true } = {}) {
  controller?.abort();
  controller = new AbortController();
  const { signal } = controller;
  container.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok || !page.querySelector("[data-region]")) throw new Error(response.status);
    replaceRegions(page);
    document.title = page.title;
    if (push) history.pushState(null, "", response.url);
    container.setAttribute("aria-busy", "false");
    announce();
    document.dispatchEvent(new Event("contentreplaced"));
  } catch {
    if (!signal.aborted) location.assign(url);
  }
}

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
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(link.href);
    if (link.closest(".pagination")) document.querySelector("[data-region]")?.scrollIntoView();
  });
  addEventListener("popstate", () => navigate(location.href, { push: false }));
}
