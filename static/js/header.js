// Signing in and changing the language lead back to the address in view: scripts change it without a page load.
// The number of new matches of the saved searches is counted again where it is out of date.

const addressInView = () => location.pathname + location.search;

document.addEventListener("click", ({ target }) => {
  const link = target.closest?.("a[data-returns-here]");
  if (link) link.search = new URLSearchParams({ next: addressInView() });
});

document.addEventListener("formdata", ({ target: form, formData }) => {
  if (form.id === "language-menu") formData.set("next", addressInView());
});

const badge = document.querySelector("[data-count-url]");

async function countNewMatches() {
  const response = await fetch(badge.dataset.countUrl, { headers: { Accept: "application/json" } });
  const { shown } = await response.json();
  badge.firstElementChild.textContent = shown;
  badge.hidden = !shown;
}

if (badge) countNewMatches().catch(() => {}); // the number of the last time stays
