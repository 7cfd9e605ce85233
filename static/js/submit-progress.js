// A form with `data-submitting-message` shows that message while it is sent, and cannot be sent twice.

const isBusy = () => document.documentElement.classList.contains("busy");

function setBusy(form, busy) {
  document.documentElement.classList.toggle("busy", busy);
  form.setAttribute("aria-busy", String(busy));
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = busy ? form.dataset.submittingMessage : "";
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-submitting-message]")) return;
  if (isBusy()) event.preventDefault();
  else setBusy(event.target, true);
});

// "Back" may restore the page as it was left: busy, with the photo still chosen.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const form of document.querySelectorAll("form[data-submitting-message]")) {
    setBusy(form, false);
    for (const input of form.querySelectorAll("input[type=file]")) input.value = "";
  }
});
