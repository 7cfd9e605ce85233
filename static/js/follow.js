// Links to "?…" and GET forms inside `[data-follow]` change what this page shows, and its address, without loading it anew.
// What changes are the parts marked `data-region`; the new text of `[data-tell]` is read out.

const place = document.querySelector("[data-follow]");
let asked;

function keepOpen(region, next) {
  for (const one of region.querySelectorAll("details[id][open]")) {
    const same = next.querySelector(`#${one.id}`);
    if (same) same.open = true;
  }
}

function replaceRegions(page) {
  const focused = document.activeElement?.id;
  for (const region of document.querySelectorAll("[data-region]")) {
    const next = page.querySelector(`[data-region="${region.dataset.region}"]`);
    if (!next) continue;
    keepOpen(region, next);
    region.replaceWith(document.adoptNode(next));
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
}

function tell() {
  const status = place.querySelector(":scope > [role=status]");
  if (status) status.textContent = place.querySelector("[data-tell]")?.textContent.trim() ?? "";
}

// Show the answer of `address`. What goes wrong is left to the browser, which loads the address and says so.
export async function follow(address, { push = true } = {}) {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  place.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok || !page.querySelector("[data-region]")) throw new Error(response.status);
    replaceRegions(page);
    document.title = page.title;
    if (push) history.pushState(null, "", response.url);
    place.setAttribute("aria-busy", "false");
    tell();
    document.dispatchEvent(new Event("followed"));
  } catch {
    if (!signal.aborted) location.assign(address);
  }
}

function addressOf(form, submitter) {
  const address = new URL(form.getAttribute("action") ?? location.pathname, location);
  const data = new FormData(form, submitter);
  address.search = new URLSearchParams([...data].filter(([, value]) => typeof value === "string" && value !== ""));
  return address.href.replaceAll("%2C", ",");
}

if (place) {
  place.addEventListener("submit", (event) => {
    if (event.target.method !== "get") return;
    event.preventDefault();
    follow(addressOf(event.target, event.submitter));
  });
  place.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='?']");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    follow(link.href);
    if (link.closest(".pagination")) document.querySelector("[data-region]")?.scrollIntoView();
  });
  addEventListener("popstate", () => follow(location.href, { push: false }));
}
