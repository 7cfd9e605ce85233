// `form[data-upload-files]` sends every chosen file in a request of its own, and #uploads shows the result of each. Before
// the pictures of folders are sent, #folder-offer asks whether each folder becomes a collection.

import { chosenFolders, isPicture } from "./folders.js";

const MAX_PARALLEL_UPLOADS = 3;
const MAX_PREVIEW_BYTES = 30e6; // larger files are not decoded for a small preview
const MAX_NAME_LENGTH = 120; // of a collection

const form = document.querySelector("form[data-upload-files]");
const panel = document.querySelector("#uploads");

if (form && panel) {
  const input = form.querySelector("input[type=file]");
  const folderInput = form.querySelector("input[webkitdirectory]");
  const offer = document.querySelector("#folder-offer");
  const progress = panel.querySelector("progress");
  const summary = panel.querySelector(".uploads-summary");
  const status = panel.querySelector("[role=status]");
  const list = panel.querySelector(".upload-results");
  const template = panel.querySelector("template");
  const queue = [];
  const counts = { added: 0, duplicate: 0, rejected: 0, error: 0 };
  const total = { files: 0, bytes: 0 };
  let finishedBytes = 0;
  let uploading = 0;
  let offered = []; // the files of the folders that #folder-offer asks about

  const finishedCount = () => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const megabytes = (bytes) =>
    new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit",
      unit: "megabyte",
      maximumFractionDigits: bytes < 1e5 ? 2 : 1,
    }).format(bytes / 1e6);

  function setState(row, state, reason = "") {
    row.querySelector(".upload-result-state").dataset.state = state;
    row.querySelector(".upload-result-reason").textContent = reason;
    row.querySelector(".upload-result-retry").hidden = state !== "error";
  }

  function addRow(file, collection) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.querySelector(".upload-result-name").textContent = file.name;
    row.querySelector(".upload-result-size").textContent = megabytes(file.size);
    row.querySelector(".upload-result-retry").addEventListener("click", () => {
      counts.error -= 1;
      finishedBytes -= file.size;
      setState(row, "queued");
      row.focus(); // the focused button is hidden now
      enqueue({ row, file, collection });
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
    finishedBytes += file.size;
    setState(row, outcome, reason);
    if (url) row.querySelector(".upload-result-name").href = url;
    if (id) Object.assign(row.querySelector(".status").dataset, { image: id, state: status ?? "" });
    document.dispatchEvent(new Event("images-waiting"));
  }

  function enqueue({ row, file, collection }) {
    const body = new FormData(form); // the collection and tags as they are now
    body.set(input.name, file, file.name);
    if (collection) body.set("collection", collection);
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
    progress.max = total.files;
    progress.value = finishedCount();
    const sizes = { done: megabytes(finishedBytes), total: megabytes(total.bytes) };
    const finished = fill(panel.dataset.progress, { finished: finishedCount(), files: total.files, ...sizes });
    summary.textContent = [finished, ...summarise()].join(" ");
    if (uploading === 0) status.textContent = summarise().join(" ");
  }

  // Of "Added: {added}.|Rejected: {rejected}.", the parts whose count is not 0.
  function summarise() {
    const parts = panel.dataset.summary.split("|").filter((part) => counts[part.match(/\{(\w+)\}/)[1]]);
    return parts.map((part) => fill(part, counts));
  }

  // `files`: those of folders, `{ file, folder }`. With `byFolder`, the folder is their collection.
  function uploadAll(files, byFolder = false) {
    total.files += files.length;
    total.bytes += files.reduce((sum, { file }) => sum + file.size, 0);
    panel.hidden = false;
    for (const { file, folder } of files) {
      const collection = byFolder ? folder.slice(0, MAX_NAME_LENGTH) : "";
      enqueue({ row: addRow(file, collection), file, collection });
    }
  }

  function uploadChosenFiles() {
    const files = [...input.files].map((file) => ({ file, folder: "" }));
    input.value = ""; // so that the same files can be chosen again
    uploadAll(files);
  }

  function offerFolders(found) {
    offered = [...offered, ...found.filter(isPicture)];
    const folders = new Map();
    for (const { folder } of offered) folders.set(folder, (folders.get(folder) ?? 0) + 1);
    const others = found.length - found.filter(isPicture).length;
    const lines = [...folders].map(([name, count]) => `${name || "–"} (${count})`);
    offer.querySelector(".help").textContent = others ? fill(offer.dataset.others, { others }) : "";
    offer.querySelector("ul").replaceChildren(
      ...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
    );
    for (const button of offer.querySelectorAll("[data-by-folder]")) button.disabled = !offered.length;
    offer.hidden = false;
    offer.querySelector("h2").focus();
  }

  offer.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const files = offered;
    offered = [];
    offer.hidden = true;
    if (button.dataset.byFolder) uploadAll(files, button.dataset.byFolder === "yes");
    (button.dataset.byFolder ? panel.querySelector("h2") : folderInput).focus(); // the focused button is hidden now
  });
  form.addEventListener("folderschosen", ({ detail }) => offerFolders(detail));
  folderInput.addEventListener("change", () => {
    const found = chosenFolders(folderInput);
    folderInput.value = "";
    offerFolders(found);
  });
  input.addEventListener("change", uploadChosenFiles);
  // Files that were chosen before this script was loaded. Browsers restore chosen files on "back" and "reload".
  const { type } = performance.getEntriesByType("navigation")[0] ?? {};
  if (type === "navigate" && input.files.length) uploadChosenFiles();

  addEventListener("beforeunload", (event) => {
    if (uploading) event.preventDefault();
  });
}
