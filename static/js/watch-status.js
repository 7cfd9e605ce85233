// Polls the status of the waiting images on the page ([data-image][data-state=pending]) until none is left.

const MIN_DELAY = 1000; // ms
const MAX_DELAY = 5000; // ms
const MAX_IDS = 100; // in one URL

const region = document.querySelector("[data-watch-status]");

if (region) {
  let delay = MIN_DELAY;
  let timer;

  const badges = (state) => [...document.querySelectorAll(`[data-image][data-state="${state}"]`)];
  const pendingIds = () => [...new Set(badges("pending").map((badge) => badge.dataset.image))];

  // Of "Searchable: {indexed}.|Failed: {failed}.", the parts whose count is not 0.
  function summarise() {
    const parts = region.dataset.summary.split("|").filter((part) => badges(part.match(/\{(\w+)\}/)[1]).length);
    return parts.map((part) => part.replace(/\{(\w+)\}/, (_, state) => badges(state).length)).join(" ");
  }

  function showStatus({ id, status, reason }) {
    for (const badge of badges("pending").filter((pending) => pending.dataset.image === String(id))) {
      badge.dataset.state = status;
      const reasonElement = badge.closest("li")?.querySelector(".upload-result-reason");
      if (reasonElement && reason) reasonElement.textContent = reason;
    }
  }

  async function poll() {
    const before = pendingIds();
    const ids = before.slice(0, MAX_IDS);
    try {
      const response = await fetch(`${region.dataset.watchStatus}?ids=${ids}`, { headers: { Accept: "application/json" } });
      if (response.ok) {
        const { images } = await response.json();
        images.forEach(showStatus);
        const known = new Set(images.map(({ id }) => String(id)));
        ids.filter((id) => !known.has(id)).forEach((id) => showStatus({ id, status: "deleted" }));
      }
    } catch {
      // The server is unreachable; the next poll comes later.
    }
    const changed = pendingIds().length < before.length;
    delay = changed ? MIN_DELAY : Math.min(delay * 1.5, MAX_DELAY);
    if (changed) region.textContent = summarise();
    timer = undefined;
    schedulePoll();
  }

  function schedulePoll() {
    if (timer === undefined && badges("pending").length) timer = setTimeout(poll, delay);
  }

  document.addEventListener("images-waiting", () => {
    delay = MIN_DELAY;
    schedulePoll();
  });
  schedulePoll();
}
