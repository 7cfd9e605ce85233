// A form with `data-busy` says those words while its answer is on the way, and is not sent twice.

const isBusy = () => document.documentElement.classList.contains("busy");

function show(form, busy) {
  document.documentElement.classList.toggle("busy", busy);
  form.setAttribute("aria-busy", String(busy));
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = busy ? form.dataset.busy : "";
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-busy]")) return;
  if (isBusy()) event.preventDefault();
  else show(event.target, true);
});

// "Back" may bring the page as it was left, still busy and with the photo still chosen.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const form of document.querySelectorAll("form[data-busy]")) {
    show(form, false);
    for (const input of form.querySelectorAll("input[type=file]")) input.value = "";
  }
});
