// Asks what became of every waiting image on the page ([data-image][data-state=pending]) until none waits any more.

const SOONEST = 1000; // ms
const LATEST = 5000;
const MOST_IDS = 100; // in one address

const region = document.querySelector("[data-watch-status]");

if (region) {
  let delay = SOONEST;
  let timer;

  const badges = (state) => [...document.querySelectorAll(`[data-image][data-state="${state}"]`)];
  const waitingIds = () => [...new Set(badges("pending").map((badge) => badge.dataset.image))];

  // "Searchable: {indexed}.|Failed: {failed}." says only what there is of.
  function summarise() {
    const told = region.dataset.summary.split("|").filter((part) => badges(part.match(/\{(\w+)\}/)[1]).length);
    return told.map((part) => part.replace(/\{(\w+)\}/, (_, state) => badges(state).length)).join(" ");
  }

  function show({ id, status, reason }) {
    for (const badge of badges("pending").filter((one) => one.dataset.image === String(id))) {
      badge.dataset.state = status;
      const place = badge.closest("li")?.querySelector(".outcome-reason");
      if (place && reason) place.textContent = reason;
    }
  }

  async function look() {
    const before = waitingIds();
    const asked = before.slice(0, MOST_IDS);
    const address = `${region.dataset.watchStatus}?ids=${asked}`;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (response.ok) {
        const { images } = await response.json();
        images.forEach(show);
        const known = new Set(images.map(({ id }) => String(id)));
        asked.filter((id) => !known.has(id)).forEach((id) => show({ id, status: "gone" })); // deleted meanwhile
      }
    } catch {
      // The server is away for a moment: the next look comes later.
    }
    const changed = waitingIds().length < before.length;
    delay = changed ? SOONEST : Math.min(delay * 1.5, LATEST);
    if (changed) region.textContent = summarise();
    timer = undefined;
    schedule();
  }

  function schedule() {
    if (timer === undefined && badges("pending").length) timer = setTimeout(look, delay);
  }

  document.addEventListener("images-waiting", () => {
    delay = SOONEST;
    schedule();
  });
  schedule();
}
