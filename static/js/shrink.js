// A photo chosen in `input[data-shrink]` is shown at once, and made smaller before it is sent: the network sees no more.

const SIDE = Number(document.querySelector("input[data-shrink]")?.dataset.shrink); // px, of the longer side
const QUALITY = 0.92;

// The same photo, upright, of SIDE pixels at most; the file as it is where it is small, or no browser's picture.
async function shrunk(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!picture) return file;
  const scale = SIDE / Math.max(picture.width, picture.height);
  if (scale >= 1) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  return blob && blob.size < file.size ? new File([blob], file.name, { type: blob.type }) : file;
}

function show(input, file) {
  const place = input.closest(".drop-target");
  place.querySelector(".chosen-photo")?.remove();
  const photo = new Image();
  photo.className = "chosen-photo";
  photo.alt = "";
  photo.addEventListener("load", () => URL.revokeObjectURL(photo.src));
  photo.addEventListener("error", () => photo.remove());
  photo.src = URL.createObjectURL(file);
  place.append(photo);
}

// On the way down, so that what waits for the change gets the small photo.
document.addEventListener(
  "change",
  async (event) => {
    const input = event.target;
    if (!input.matches("input[data-shrink]") || !input.files.length) return;
    if (input.dataset.shrunk) {
      delete input.dataset.shrunk;
      return;
    }
    event.stopImmediatePropagation();
    const [file] = input.files;
    show(input, file);
    const smaller = await shrunk(file);
    if (smaller !== file) {
      const files = new DataTransfer();
      files.items.add(smaller);
      input.files = files.files;
    }
    input.dataset.shrunk = "yes";
    input.dispatchEvent(new Event("change", { bubbles: true }));
  },
  true,
);

addEventListener("pageshow", ({ persisted }) => persisted && document.querySelector(".chosen-photo")?.remove());
