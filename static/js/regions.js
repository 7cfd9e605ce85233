// On the photo of `[data-regions-url]`, a dot on each region that the catalogue knows best. It searches with the region.

const MIN_DISTANCE = 0.18; // of the longer side of the photo, between two dots: each is 44 px large

const frame = document.querySelector("[data-regions-url]");
const [width, height] = frame?.dataset.size.split(",").map(Number) ?? [];

const centre = ([left, top, boxWidth, boxHeight]) => [left + boxWidth / 2, top + boxHeight / 2];

function distance(crop, other) {
  const [[x, y], [otherX, otherY]] = [centre(crop), centre(other)];
  return Math.hypot(x - otherX, y - otherY) / Math.max(width, height);
}

// Of regions at the same place, the most likely one, which comes first.
const selectApart = (regions) =>
  regions.reduce((kept, crop) => (kept.every((other) => distance(crop, other) > MIN_DISTANCE) ? [...kept, crop] : kept), []);

function addDot(crop, number) {
  const [x, y] = centre(crop);
  const dot = document.createElement("a");
  const params = new URLSearchParams(location.search);
  params.delete("page");
  params.set("crop", crop.join());
  dot.href = `?${params}`.replaceAll("%2C", ",");
  dot.className = "region-dot";
  dot.style.left = `${(x / width) * 100}%`;
  dot.style.top = `${(y / height) * 100}%`;
  dot.setAttribute("aria-label", frame.dataset.regionLabel.replace("{number}", number));
  dot.addEventListener("pointerdown", (event) => event.stopPropagation()); // crop.js would draw an area
  frame.append(dot);
}

async function showRegions() {
  const response = await fetch(frame.dataset.regionsUrl);
  if (!response.ok) return;
  const regions = selectApart((await response.json()).regions);
  const show = () => {
    for (const dot of frame.querySelectorAll(".region-dot")) dot.remove();
    regions.forEach((crop, position) => addDot(crop, position + 1));
  };
  show();
  document.addEventListener("contentreplaced", show); // dots keep the filters and the feedback of the results
}

if (frame) showRegions().catch(() => {}); // without network, the photo has no dots
