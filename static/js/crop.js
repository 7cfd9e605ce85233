// On the photo of `[data-crop]` a part can be drawn, and the results follow: by mouse, touch or keys.

import { follow } from "./follow.js";

const STEP = 0.02; // of a side, for a key
const LEAST = 0.05; // of a side
const GRIP = 14; // px: so near to its edge a pointer takes hold of it
const PAUSE = 450; // ms: keys come in a row
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function start(frame) {
  const [width, height] = frame.dataset.size.split(",").map(Number);
  const choose = document.querySelector("[data-crop-choose]");
  const clear = document.querySelector("[data-crop-clear]");
  const box = document.createElement("div");
  let part = null; // left, top, right, bottom, as shares of the sides
  let drag = null;
  let timer;

  box.className = "crop-box";
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-roledescription", frame.dataset.kind);
  box.setAttribute("aria-describedby", "crop-help");
  frame.querySelector("svg")?.remove(); // what shows the part where there is no script
  frame.append(box);

  function draw() {
    box.hidden = !part;
    clear.hidden = !part;
    choose.hidden = Boolean(part);
    if (!drag) frame.classList.toggle("cropping", Boolean(part)); // it may grow, but not under the pointer
    if (!part) return;
    const percent = part.map((share) => Math.round(share * 1000) / 10);
    box.style.inset = `${percent[1]}% ${100 - percent[2]}% ${100 - percent[3]}% ${percent[0]}%`;
    const words = { left: percent[0], top: percent[1], width: percent[2] - percent[0], height: percent[3] - percent[1] };
    box.setAttribute("aria-label", frame.dataset.words.replace(/\{(\w+)\}/g, (_, name) => Math.round(words[name])));
  }

  function search(pause = 0) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const address = new URL(location);
      address.searchParams.delete("page");
      if (part) address.searchParams.set("crop", inPixels());
      else address.searchParams.delete("crop");
      follow(address.href.replaceAll("%2C", ","));
    }, pause);
  }

  function inPixels() {
    const [x, y] = [Math.round(part[0] * width), Math.round(part[1] * height)];
    const [right, bottom] = [Math.round(part[2] * width), Math.round(part[3] * height)];
    return [x, y, Math.max(1, right - x), Math.max(1, bottom - y)].join();
  }

  function fromAddress() {
    const numbers = (new URL(location).searchParams.get("crop") ?? "").split(",").map(Number);
    const [x, y, across, down] = numbers;
    part = numbers.length === 4 ? [x / width, y / height, (x + across) / width, (y + down) / height] : null;
    draw();
  }

  function set(next) {
    part = next;
    draw();
  }

  function moved([left, top, right, bottom], across, down) {
    const [dx, dy] = [clamp(across, -left, 1 - right), clamp(down, -top, 1 - bottom)];
    return [left + dx, top + dy, right + dx, bottom + dy];
  }

  function resized([left, top, right, bottom], edges, across, down) {
    return [
      edges.includes("left") ? clamp(left + across, 0, right - LEAST) : left,
      edges.includes("top") ? clamp(top + down, 0, bottom - LEAST) : top,
      edges.includes("right") ? clamp(right + across, left + LEAST, 1) : right,
      edges.includes("bottom") ? clamp(bottom + down, top + LEAST, 1) : bottom,
    ];
  }

  // Where a pointer is, as shares of the photo's sides.
  function at({ clientX, clientY }) {
    const { left, top, width: wide, height: high } = frame.getBoundingClientRect();
    return [clamp((clientX - left) / wide, 0, 1), clamp((clientY - top) / high, 0, 1)];
  }

  function edgesAt({ clientX, clientY }) {
    const { left, top, right, bottom } = box.getBoundingClientRect();
    const near = { left: clientX - left, right: right - clientX, top: clientY - top, bottom: bottom - clientY };
    return Object.keys(near).filter((edge) => Math.abs(near[edge]) < GRIP);
  }

  frame.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType !== "mouse" && !part)) return; // a finger on the photo may want to scroll
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    const inside = part && event.target === box;
    drag = { from: at(event), part, edges: inside ? edgesAt(event) : null, outside: !inside };
    if (inside) box.focus();
  });

  frame.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = at(event);
    const [across, down] = [x - drag.from[0], y - drag.from[1]];
    if (drag.outside) {
      if (Math.abs(across) < LEAST || Math.abs(down) < LEAST) return;
      set([Math.min(x, drag.from[0]), Math.min(y, drag.from[1]), Math.max(x, drag.from[0]), Math.max(y, drag.from[1])]);
    } else set(drag.edges.length ? resized(drag.part, drag.edges, across, down) : moved(drag.part, across, down));
  });

  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, () => {
      const changed = drag && part !== drag.part;
      drag = null;
      draw();
      if (changed) search();
    });
  }

  box.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (direction) {
      const [across, down] = direction.map((step) => step * STEP);
      set(event.shiftKey ? resized(part, ["right", "bottom"], across, down) : moved(part, across, down));
      search(PAUSE);
    } else if (event.key === "Escape" || event.key === "Delete") whole();
    else return;
    event.preventDefault();
  });

  function whole() {
    set(null);
    choose.focus();
    search();
  }

  choose.addEventListener("click", () => {
    set([0.2, 0.2, 0.8, 0.8]);
    box.focus();
    search();
  });
  clear.addEventListener("click", whole);
  addEventListener("popstate", fromAddress);
  fromAddress();
}

const frame = document.querySelector("[data-crop]");
if (frame) start(frame);
