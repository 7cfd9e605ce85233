// The whole catalogue on a canvas: small pictures where likeness has put them, to move over and come nearer to.

const NEAREST = 200; // times as large
const KEY_STEP = 60; // px
const ZOOM_STEP = 1.4;
const LARGE_FROM = 72; // px: larger than this, a picture is shown from its own thumbnail
const AT_ONCE = 60; // thumbnails that are kept for that

const place = document.querySelector("[data-places]");
if (place) start(place).catch(() => (place.querySelector("[role=status]").textContent = place.dataset.failed));

async function start(place) {
  const { places, sheet, image, side, row } = place.dataset;
  const [small, across] = [Number(side), Number(row)];
  const perSheet = across * across;
  const canvas = place.querySelector("canvas");
  const context = canvas.getContext("2d");
  const frames = getComputedStyle(canvas).color; // of what is not loaded yet
  const name = place.querySelector("[role=status]");
  const answer = await fetch(places);
  const images = (await answer.json()).images.map(([id, at, x, y, label, thumbnail]) => ({ id, at, x, y, label, thumbnail }));
  const sheets = new Map();
  const large = new Map();
  const fingers = new Map();
  let view = { x: 0.5, y: 0.5, zoom: 1 }; // the point in the middle, and how many times as large as all of it
  let drag = null;
  let planned = false;

  const base = () => 0.92 * Math.min(canvas.clientWidth, canvas.clientHeight);
  const scale = () => base() * view.zoom; // px: how wide the whole is
  // Pictures grow more slowly than the distances between them, so that coming nearer takes them apart.
  const size = () => Math.max(8, (0.8 * base() * view.zoom ** 0.6) / Math.sqrt(images.length));
  const screen = ({ x, y }) => [
    (x - view.x) * scale() + canvas.clientWidth / 2,
    (y - view.y) * scale() + canvas.clientHeight / 2,
  ];

  function plan() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      draw();
    });
  }

  function loaded(store, key, address) {
    if (!store.has(key)) {
      const picture = new Image();
      picture.addEventListener("load", plan);
      picture.src = address;
      store.set(key, picture);
    }
    const picture = store.get(key);
    return picture.complete && picture.naturalWidth ? picture : null;
  }

  function draw() {
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const side = size();
    for (const one of images) {
      const [x, y] = screen(one);
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      drawOne(one, x - side / 2, y - side / 2, side);
    }
    while (large.size > AT_ONCE) large.delete(large.keys().next().value);
  }

  function drawOne(one, x, y, side) {
    const own = side > LARGE_FROM && loaded(large, one.id, one.thumbnail);
    if (own) {
      const part = Math.min(own.naturalWidth, own.naturalHeight);
      const [left, top] = [(own.naturalWidth - part) / 2, (own.naturalHeight - part) / 2];
      context.drawImage(own, left, top, part, part, x, y, side, side);
      return;
    }
    const number = Math.floor(one.at / perSheet);
    const from = loaded(sheets, number, sheet.replace(/0\.jpg$/, `${number}.jpg`));
    if (!from) {
      context.strokeStyle = frames;
      return context.strokeRect(x, y, side, side);
    }
    const within = one.at % perSheet;
    context.drawImage(from, (within % across) * small, Math.floor(within / across) * small, small, small, x, y, side, side);
  }

  // The picture that lies on top at a point, or the nearest within reach.
  function at(x, y, reach = size() / 2) {
    let found = null;
    for (const one of images) {
      const [left, top] = screen(one);
      if (Math.max(Math.abs(left - x), Math.abs(top - y)) <= reach) found = one;
    }
    return found;
  }

  function nearestToMiddle() {
    const distance = (one) => (one.x - view.x) ** 2 + (one.y - view.y) ** 2;
    return images.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  }

  function tell(one) {
    name.textContent = one?.label ?? "";
  }

  function open(one) {
    if (one) location.assign(image.replace("/0/", `/${one.id}/`));
  }

  function move(dx, dy) {
    view.x = Math.min(1, Math.max(0, view.x - dx / scale()));
    view.y = Math.min(1, Math.max(0, view.y - dy / scale()));
    plan();
  }

  // Come nearer by a factor; what lies under the point stays under it.
  function nearer(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const zoom = Math.min(NEAREST, Math.max(1, view.zoom * factor));
    const shift = 1 / scale() - 1 / (base() * zoom);
    view = { x: view.x + (x - canvas.clientWidth / 2) * shift, y: view.y + (y - canvas.clientHeight / 2) * shift, zoom };
    plan();
  }

  const point = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, point(event));
    drag = { far: fingers.size > 1, from: point(event) };
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = point(event);
    if (!fingers.has(event.pointerId)) return tell(at(x, y));
    const [oldX, oldY] = fingers.get(event.pointerId);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, [x, y]);
    if (other) nearer(Math.hypot(x - other[0], y - other[1]) / Math.hypot(oldX - other[0], oldY - other[1]), ...other);
    else move(x - oldX, y - oldY);
    if (Math.hypot(x - drag.from[0], y - drag.from[1]) > 5) drag.far = true;
  });

  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      if (end === "pointerup" && !fingers.size && drag && !drag.far) open(at(...point(event)));
    });
  }

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      nearer(Math.exp(-event.deltaY / 400), ...point(event));
    },
    { passive: false },
  );

  const KEYS = {
    ArrowLeft: () => move(KEY_STEP, 0),
    ArrowRight: () => move(-KEY_STEP, 0),
    ArrowUp: () => move(0, KEY_STEP),
    ArrowDown: () => move(0, -KEY_STEP),
    "+": () => nearer(ZOOM_STEP),
    "=": () => nearer(ZOOM_STEP),
    "-": () => nearer(1 / ZOOM_STEP),
    Enter: () => open(nearestToMiddle()),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
    tell(nearestToMiddle());
  });

  new ResizeObserver(plan).observe(canvas);
  plan();
}
