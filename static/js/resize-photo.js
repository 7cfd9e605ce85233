// A photo chosen in `input[data-max-side]` is shown at once, and scaled down before it is sent: the server stores no
// more of it than that.

const MAX_SIDE = Number(document.querySelector("input[data-max-side]")?.dataset.maxSide); // px, of the longer side
const JPEG_QUALITY = 0.92;

// The photo, upright, of MAX_SIDE pixels at most; the file itself if it is small or the browser cannot decode it.
async function resized(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!picture) return file;
  const scale = MAX_SIDE / Math.max(picture.width, picture.height);
  if (scale >= 1) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // behind transparent areas
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
  return blob && blob.size < file.size ? new File([blob], file.name, { type: blob.type }) : file;
}

function showPreview(input, file) {
  const target = input.closest(".drop-target");
  target.querySelector(".chosen-photo")?.remove();
  const photo = new Image();
  photo.className = "chosen-photo";
  photo.alt = "";
  photo.addEventListener("load", () => URL.revokeObjectURL(photo.src));
  photo.addEventListener("error", () => photo.remove());
  photo.src = URL.createObjectURL(file);
  target.append(photo);
}

// In the capture phase, so that listeners of the change (submit-on-change.js) get the resized photo.
document.addEventListener(
  "change",
  async (event) => {
    const input = event.target;
    if (!input.matches("input[data-max-side]") || !input.files.length) return;
    if (input.dataset.resized) {
      delete input.dataset.resized;
      return;
    }
    event.stopImmediatePropagation();
    const [file] = input.files;
    showPreview(input, file);
    const smaller = await resized(file);
    if (smaller !== file) {
      const transfer = new DataTransfer();
      transfer.items.add(smaller);
      input.files = transfer.files;
    }
    input.dataset.resized = "yes";
    input.dispatchEvent(new Event("change", { bubbles: true }));
  },
  true,
);

addEventListener("pageshow", ({ persisted }) => persisted && document.querySelector(".chosen-photo")?.remove());
