// `form[data-upload-each]` sends every chosen file on its own, and shows in #sent what became of each.

const AT_ONCE = 3;
const PREVIEW_LIMIT = 30e6; // bytes: larger files are not decoded only for a stamp-sized preview

const form = document.querySelector("form[data-upload-each]");
const panel = document.querySelector("#sent");

if (form && panel) {
  const input = form.querySelector("input[type=file]");
  const progress = panel.querySelector("progress");
  const summary = panel.querySelector("[role=status]");
  const rows = panel.querySelector(".outcomes");
  const template = panel.querySelector("template");
  const queue = [];
  const counts = { added: 0, duplicate: 0, refused: 0, error: 0 };
  let total = 0;
  let sending = 0;

  const settled = () => Object.values(counts).reduce((sum, count) => sum + count, 0);

  function say(row, state, reason = "") {
    row.querySelector(".outcome-said").dataset.state = state;
    row.querySelector(".outcome-reason").textContent = reason;
    row.querySelector(".outcome-retry").hidden = state !== "error";
  }

  function addRow(file) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.querySelector(".outcome-name").textContent = file.name;
    row.querySelector(".outcome-retry").addEventListener("click", () => {
      counts.error -= 1;
      say(row, "queued");
      row.focus(); // the button that had it is hidden now
      enqueue({ row, file });
    });
    rows.append(row);
    return row;
  }

  // A canvas needs no blob: address, so the content security policy need not allow any.
  async function preview(row, file) {
    if (file.size > PREVIEW_LIMIT) return;
    const canvas = row.querySelector("canvas");
    const picture = await createImageBitmap(file).catch(() => null); // a format this browser cannot show
    if (!picture) return;
    const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    canvas
      .getContext("2d")
      .drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    picture.close();
  }

  async function ask(body) {
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const answer = await response.json();
      const outcome = answer.outcomes?.[0];
      return outcome ?? { outcome: "error", reason: answer.error ?? panel.dataset.noAnswer };
    } catch {
      return { outcome: "error", reason: panel.dataset.noAnswer };
    }
  }

  async function send({ row, file, body }) {
    say(row, "sending");
    preview(row, file);
    const { outcome, reason, id, url, status } = await ask(body);
    counts[outcome] += 1;
    say(row, outcome, reason);
    if (url) row.querySelector(".outcome-name").href = url;
    if (id) Object.assign(row.querySelector(".status").dataset, { image: id, state: status ?? "" });
    document.dispatchEvent(new Event("images-waiting"));
  }

  function enqueue({ row, file }) {
    const body = new FormData(form); // the collection and tags as they are now
    body.set(input.name, file, file.name);
    queue.push({ row, file, body });
    pump();
  }

  function pump() {
    while (sending < AT_ONCE && queue.length) {
      sending += 1;
      send(queue.shift()).finally(() => {
        sending -= 1;
        pump();
      });
    }
    progress.max = total;
    progress.value = settled();
    if (sending === 0) summary.textContent = summarise();
  }

  // "Added: {added}.|Refused: {refused}." says only what happened at all.
  function summarise() {
    const told = panel.dataset.summary.split("|").filter((part) => counts[part.match(/\{(\w+)\}/)[1]]);
    return told.map((part) => part.replace(/\{(\w+)\}/, (_, name) => counts[name])).join(" ");
  }

  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same files can be chosen once more
    total += files.length;
    panel.hidden = false;
    for (const file of files) enqueue({ row: addRow(file), file });
  });

  addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
}
