// The map: small pictures on a canvas, placed by similarity. The canvas can be moved and zoomed.

const MAX_ZOOM = 200;
const KEY_STEP = 60; // px
const ZOOM_STEP = 1.4;
const MAX_SPRITE_SIZE = 72; // px: a picture shown larger than this is drawn from its own thumbnail
const MAX_CACHED_THUMBNAILS = 60;
const CLICK_TOLERANCE = 5; // px: a pointer that moved farther is a drag, not a click

const container = document.querySelector("[data-positions-url]");
if (container) {
  start(container).catch(() => {
    container.querySelector("[role=status]").textContent = container.dataset.loadError;
  });
}

async function start(container) {
  const { positionsUrl, spriteSheetUrl, similarUrl } = container.dataset;
  const [spriteSide, spritesPerRow] = [Number(container.dataset.spriteSide), Number(container.dataset.spritesPerRow)];
  const spritesPerSheet = spritesPerRow * spritesPerRow;
  const canvas = container.querySelector("canvas");
  const context = canvas.getContext("2d");
  const placeholderColour = getComputedStyle(canvas).color; // outlines pictures that are not loaded yet
  const label = container.querySelector("[role=status]");
  const response = await fetch(positionsUrl);
  const rows = (await response.json()).images;
  const images = rows.map(([id, index, x, y, name, thumbnail]) => ({ id, index, x, y, name, thumbnail }));
  const sheets = new Map();
  const thumbnails = new Map();
  const pointers = new Map();
  let view = { x: 0.5, y: 0.5, zoom: 1 }; // the point in the centre, and the magnification of the whole map
  let drag = null;
  let drawScheduled = false;

  const baseSize = () => 0.92 * Math.min(canvas.clientWidth, canvas.clientHeight);
  const scale = () => baseSize() * view.zoom; // px: the width of the whole map
  // Pictures grow more slowly than the distances between them, so that zooming in separates them.
  const pictureSize = () => Math.max(8, (0.8 * baseSize() * view.zoom ** 0.6) / Math.sqrt(images.length));
  const toScreen = ({ x, y }) => [
    (x - view.x) * scale() + canvas.clientWidth / 2,
    (y - view.y) * scale() + canvas.clientHeight / 2,
  ];

  function scheduleDraw() {
    if (drawScheduled) return;
    drawScheduled = true;
    requestAnimationFrame(() => {
      drawScheduled = false;
      draw();
    });
  }

  // The picture of `url`, or null while it is loading.
  function loaded(cache, key, url) {
    if (!cache.has(key)) {
      const picture = new Image();
      picture.addEventListener("load", scheduleDraw);
      picture.src = url;
      cache.set(key, picture);
    }
    const picture = cache.get(key);
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
    const size = pictureSize();
    for (const image of images) {
      const [x, y] = toScreen(image);
      if (x < -size || y < -size || x > width + size || y > height + size) continue;
      drawPicture(image, x - size / 2, y - size / 2, size);
    }
    while (thumbnails.size > MAX_CACHED_THUMBNAILS) thumbnails.delete(thumbnails.keys().next().value);
  }

  function drawPicture(image, x, y, size) {
    const thumbnail = size > MAX_SPRITE_SIZE && loaded(thumbnails, image.id, image.thumbnail);
    if (thumbnail) {
      const square = Math.min(thumbnail.naturalWidth, thumbnail.naturalHeight);
      const [left, top] = [(thumbnail.naturalWidth - square) / 2, (thumbnail.naturalHeight - square) / 2];
      context.drawImage(thumbnail, left, top, square, square, x, y, size, size);
      return;
    }
    const number = Math.floor(image.index / spritesPerSheet);
    const sheet = loaded(sheets, number, spriteSheetUrl.replace(/0\.jpg$/, `${number}.jpg`));
    if (!sheet) {
      context.strokeStyle = placeholderColour;
      context.strokeRect(x, y, size, size);
      return;
    }
    const sprite = image.index % spritesPerSheet;
    const [left, top] = [(sprite % spritesPerRow) * spriteSide, Math.floor(sprite / spritesPerRow) * spriteSide];
    context.drawImage(sheet, left, top, spriteSide, spriteSide, x, y, size, size);
  }

  // The topmost picture at a point, or null.
  function imageAt(x, y, reach = pictureSize() / 2) {
    let topmost = null;
    for (const image of images) {
      const [centreX, centreY] = toScreen(image);
      if (Math.max(Math.abs(centreX - x), Math.abs(centreY - y)) <= reach) topmost = image;
    }
    return topmost;
  }

  function imageAtCentre() {
    const distance = (image) => (image.x - view.x) ** 2 + (image.y - view.y) ** 2;
    return images.reduce((nearest, image) => (distance(image) < distance(nearest) ? image : nearest));
  }

  function showLabel(image) {
    label.textContent = image?.name ?? "";
  }

  function findSimilar(image) {
    if (image) location.assign(similarUrl.replace("/0/", `/${image.id}/`));
  }

  function move(dx, dy) {
    view.x = Math.min(1, Math.max(0, view.x - dx / scale()));
    view.y = Math.min(1, Math.max(0, view.y - dy / scale()));
    scheduleDraw();
  }

  // Zoom by a factor. What lies under the point stays under it.
  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const newZoom = Math.min(MAX_ZOOM, Math.max(1, view.zoom * factor));
    const shift = 1 / scale() - 1 / (baseSize() * newZoom);
    const [dx, dy] = [(x - canvas.clientWidth / 2) * shift, (y - canvas.clientHeight / 2) * shift];
    view = { x: view.x + dx, y: view.y + dy, zoom: newZoom };
    scheduleDraw();
  }

  const pointOf = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
    drag = { moved: pointers.size > 1, from: pointOf(event) };
  });

  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = pointOf(event);
    if (!pointers.has(event.pointerId)) return showLabel(imageAt(x, y));
    const [oldX, oldY] = pointers.get(event.pointerId);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, [x, y]);
    if (other) zoom(Math.hypot(x - other[0], y - other[1]) / Math.hypot(oldX - other[0], oldY - other[1]), ...other);
    else move(x - oldX, y - oldY);
    if (Math.hypot(x - drag.from[0], y - drag.from[1]) > CLICK_TOLERANCE) drag.moved = true;
  });

  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (end === "pointerup" && !pointers.size && drag && !drag.moved) findSimilar(imageAt(...pointOf(event)));
    });
  }

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), ...pointOf(event));
    },
    { passive: false },
  );

  const KEYS = {
    ArrowLeft: () => move(KEY_STEP, 0),
    ArrowRight: () => move(-KEY_STEP, 0),
    ArrowUp: () => move(0, KEY_STEP),
    ArrowDown: () => move(0, -KEY_STEP),
    "+": () => zoom(ZOOM_STEP),
    "=": () => zoom(ZOOM_STEP),
    "-": () => zoom(1 / ZOOM_STEP),
    Enter: () => findSimilar(imageAtCentre()),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
    showLabel(imageAtCentre());
  });

  new ResizeObserver(scheduleDraw).observe(canvas);
  scheduleDraw();
}
