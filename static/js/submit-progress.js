// A form with `data-submitting-message` shows that message while it is sent, and cannot be sent twice. The page stays
// until the answer has come: if there is none, the chosen photo is still there, and can be sent again.

const isBusy = () => document.documentElement.classList.contains("busy");

function setBusy(form, busy) {
  document.documentElement.classList.toggle("busy", busy);
  form.setAttribute("aria-busy", String(busy));
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = busy ? form.dataset.submittingMessage : "";
}

function showError(form, message) {
  const note = form.querySelector("[data-send-error]");
  note.hidden = !message;
  note.querySelector("span").textContent = message;
}

// The address of the results; an error with a message for people if there are none.
async function send(form, body) {
  const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  if (response.redirected) return response.url; // to the login
  const { url, error } = await response.json();
  if (!url) throw new Error(error, { cause: "site" });
  return url;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-submitting-message]")) return;
  event.preventDefault();
  if (isBusy()) return;
  const body = new FormData(form, event.submitter);
  showError(form, "");
  setBusy(form, true);
  try {
    location.assign(await send(form, body));
  } catch (error) {
    setBusy(form, false);
    showError(form, error.cause === "site" ? error.message : form.dataset.networkError);
  }
});

// "Back" may restore the page as it was left: busy, with the photo still chosen.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const form of document.querySelectorAll("form[data-submitting-message]")) {
    setBusy(form, false);
    for (const input of form.querySelectorAll("input[type=file]")) input.value = "";
  }
});
