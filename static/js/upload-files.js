// `form[data-upload-files]` sends every chosen file in a request of its own, and #uploads shows the result of each.

const MAX_PARALLEL_UPLOADS = 3;
const MAX_PREVIEW_BYTES = 30e6; // larger files are not decoded for a small preview

const form = document.querySelector("form[data-upload-files]");
const panel = document.querySelector("#uploads");

if (form && panel) {
  const input = form.querySelector("input[type=file]");
  const progress = panel.querySelector("progress");
  const summary = panel.querySelector("[role=status]");
  const list = panel.querySelector(".upload-results");
  const template = panel.querySelector("template");
  const queue = [];
  const counts = { added: 0, duplicate: 0, rejected: 0, error: 0 };
  let fileCount = 0;
  let uploading = 0;

  const finishedCount = () => Object.values(counts).reduce((sum, count) => sum + count, 0);

  function setState(row, state, reason = "") {
    row.querySelector(".upload-result-state").dataset.state = state;
    row.querySelector(".upload-result-reason").textContent = reason;
    row.querySelector(".upload-result-retry").hidden = state !== "error";
  }

  function addRow(file) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.querySelector(".upload-result-name").textContent = file.name;
    row.querySelector(".upload-result-retry").addEventListener("click", () => {
      counts.error -= 1;
      setState(row, "queued");
      row.focus(); // the focused button is hidden now
      enqueue({ row, file });
    });
    list.append(row);
    return row;
  }

  // A canvas needs no blob: URL, so the content security policy need not allow any.
  async function drawPreview(row, file) {
    if (file.size > MAX_PREVIEW_BYTES) return;
    const canvas = row.querySelector("canvas");
    const picture = await createImageBitmap(file).catch(() => null); // a format that this browser cannot decode
    if (!picture) return;
    const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    canvas
      .getContext("2d")
      .drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    picture.close();
  }

  async function post(body) {
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const { results, error } = await response.json();
      return results?.[0] ?? { outcome: "error", reason: error ?? panel.dataset.networkError };
    } catch {
      return { outcome: "error", reason: panel.dataset.networkError };
    }
  }

  async function upload({ row, file, body }) {
    setState(row, "sending");
    drawPreview(row, file);
    const { outcome, reason, id, url, status } = await post(body);
    counts[outcome] += 1;
    setState(row, outcome, reason);
    if (url) row.querySelector(".upload-result-name").href = url;
    if (id) Object.assign(row.querySelector(".status").dataset, { image: id, state: status ?? "" });
    document.dispatchEvent(new Event("images-waiting"));
  }

  function enqueue({ row, file }) {
    const body = new FormData(form); // the collection and tags as they are now
    body.set(input.name, file, file.name);
    queue.push({ row, file, body });
    startUploads();
  }

  function startUploads() {
    while (uploading < MAX_PARALLEL_UPLOADS && queue.length) {
      uploading += 1;
      upload(queue.shift()).finally(() => {
        uploading -= 1;
        startUploads();
      });
    }
    progress.max = fileCount;
    progress.value = finishedCount();
    if (uploading === 0) summary.textContent = summarise();
  }

  // Of "Added: {added}.|Rejected: {rejected}.", the parts whose count is not 0.
  function summarise() {
    const parts = panel.dataset.summary.split("|").filter((part) => counts[part.match(/\{(\w+)\}/)[1]]);
    return parts.map((part) => part.replace(/\{(\w+)\}/, (_, name) => counts[name])).join(" ");
  }

  function uploadChosenFiles() {
    const files = [...input.files];
    input.value = ""; // so that the same files can be chosen again
    fileCount += files.length;
    panel.hidden = false;
    for (const file of files) enqueue({ row: addRow(file), file });
  }

  input.addEventListener("change", uploadChosenFiles);
  // Files that were chosen before this script was loaded. Browsers restore chosen files on "back" and "reload".
  const { type } = performance.getEntriesByType("navigation")[0] ?? {};
  if (type === "navigate" && input.files.length) uploadChosenFiles();

  addEventListener("beforeunload", (event) => {
    if (uploading) event.preventDefault();
  });
}
