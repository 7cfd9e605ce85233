// On the photo of `[data-crop]` an area can be selected by mouse, touch or keys. The results follow.

import { navigate } from "./partial-navigation.js";

const KEY_STEP = 0.02; // of a side
const MIN_SIDE = 0.05; // of a side of the photo
const EDGE_TOLERANCE = 14; // px: a pointer this close to an edge of the area drags that edge
const KEYBOARD_DELAY = 450; // ms: keys come in a row
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const INITIAL_AREA = [0.2, 0.2, 0.8, 0.8];

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function start(frame) {
  const [photoWidth, photoHeight] = frame.dataset.size.split(",").map(Number);
  const selectButton = document.querySelector("[data-crop-select]");
  const clearButton = document.querySelector("[data-crop-clear]");
  const box = document.createElement("div");
  let area = null; // left, top, right, bottom, as fractions of the sides; null: the whole photo
  let drag = null;
  let timer;

  box.className = "crop-box";
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-roledescription", frame.dataset.roleDescription);
  box.setAttribute("aria-describedby", "crop-help");
  frame.querySelector("svg")?.remove(); // it shows the area where scripts are off
  frame.append(box);

  function draw() {
    box.hidden = !area;
    clearButton.hidden = !area;
    selectButton.hidden = Boolean(area);
    if (!drag) frame.classList.toggle("cropping", Boolean(area)); // resizes the photo, so not during a drag
    if (!area) return;
    const percent = area.map((fraction) => Math.round(fraction * 1000) / 10);
    box.style.inset = `${percent[1]}% ${100 - percent[2]}% ${100 - percent[3]}% ${percent[0]}%`;
    const values = { left: percent[0], top: percent[1], width: percent[2] - percent[0], height: percent[3] - percent[1] };
    const description = frame.dataset.description.replace(/\{(\w+)\}/g, (_, name) => Math.round(values[name]));
    box.setAttribute("aria-label", description);
  }

  function search(delay = 0) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const url = new URL(location);
      url.searchParams.delete("page");
      if (area) url.searchParams.set("crop", areaInPixels());
      else url.searchParams.delete("crop");
      navigate(url.href.replaceAll("%2C", ","));
    }, delay);
  }

  function areaInPixels() {
    const [x, y] = [Math.round(area[0] * photoWidth), Math.round(area[1] * photoHeight)];
    const [right, bottom] = [Math.round(area[2] * photoWidth), Math.round(area[3] * photoHeight)];
    return [x, y, Math.max(1, right - x), Math.max(1, bottom - y)].join();
  }

  function readUrl(url = location) {
    const numbers = (new URL(url).searchParams.get("crop") ?? "").split(",").map(Number);
    const [x, y, width, height] = numbers;
    const corners = [x / photoWidth, y / photoHeight, (x + width) / photoWidth, (y + height) / photoHeight];
    setArea(numbers.length === 4 ? corners : null);
  }

  function setArea(newArea) {
    area = newArea;
    draw();
  }

  function moved([left, top, right, bottom], byX, byY) {
    const [dx, dy] = [clamp(byX, -left, 1 - right), clamp(byY, -top, 1 - bottom)];
    return [left + dx, top + dy, right + dx, bottom + dy];
  }

  function resized([left, top, right, bottom], edges, byX, byY) {
    return [
      edges.includes("left") ? clamp(left + byX, 0, right - MIN_SIDE) : left,
      edges.includes("top") ? clamp(top + byY, 0, bottom - MIN_SIDE) : top,
      edges.includes("right") ? clamp(right + byX, left + MIN_SIDE, 1) : right,
      edges.includes("bottom") ? clamp(bottom + byY, top + MIN_SIDE, 1) : bottom,
    ];
  }

  // The position of a pointer, as fractions of the photo's sides.
  function pointOf({ clientX, clientY }) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    return [clamp((clientX - left) / width, 0, 1), clamp((clientY - top) / height, 0, 1)];
  }

  function edgesNear({ clientX, clientY }) {
    const { left, top, right, bottom } = box.getBoundingClientRect();
    const distances = { left: clientX - left, right: right - clientX, top: clientY - top, bottom: bottom - clientY };
    return Object.keys(distances).filter((edge) => Math.abs(distances[edge]) < EDGE_TOLERANCE);
  }

  frame.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType !== "mouse" && !area)) return; // a finger on the photo may scroll the page
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    const inside = area && event.target === box;
    drag = { from: pointOf(event), area, edges: inside ? edgesNear(event) : null };
    if (inside) box.focus();
  });

  frame.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [[x, y], [fromX, fromY]] = [pointOf(event), drag.from];
    const [byX, byY] = [x - fromX, y - fromY];
    if (!drag.edges) {
      if (Math.abs(byX) < MIN_SIDE || Math.abs(byY) < MIN_SIDE) return;
      setArea([Math.min(x, fromX), Math.min(y, fromY), Math.max(x, fromX), Math.max(y, fromY)]);
    } else if (drag.edges.length) setArea(resized(drag.area, drag.edges, byX, byY));
    else setArea(moved(drag.area, byX, byY));
  });

  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, () => {
      const changed = drag && area !== drag.area;
      drag = null;
      draw();
      if (changed) search();
    });
  }

  box.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (direction) {
      const [byX, byY] = direction.map((step) => step * KEY_STEP);
      setArea(event.shiftKey ? resized(area, ["right", "bottom"], byX, byY) : moved(area, byX, byY));
      search(KEYBOARD_DELAY);
    } else if (event.key === "Escape" || event.key === "Delete") clearArea();
    else return;
    event.preventDefault();
  });

  function clearArea() {
    setArea(null);
    selectButton.focus();
    search();
  }

  selectButton.addEventListener("click", () => {
    setArea(INITIAL_AREA);
    box.focus();
    search();
  });
  clearButton.addEventListener("click", clearArea);
  addEventListener("popstate", () => readUrl());
  frame.addEventListener("click", ({ target }) => target.href && readUrl(target.href)); // a dot of regions.js
  readUrl();
}

const frame = document.querySelector("[data-crop]");
if (frame) start(frame);
