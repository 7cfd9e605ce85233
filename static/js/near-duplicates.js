// `[data-unfold]` shows and hides the near-duplicates of its own hit.

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("[data-unfold]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // partial-navigation.js would follow the link
    const unfolded = link.getAttribute("aria-expanded") === "true";
    link.setAttribute("aria-expanded", String(!unfolded));
    for (const tile of document.querySelectorAll(`[data-copy-of="${link.dataset.unfold}"]`)) tile.hidden = unfolded;
  },
  true,
);
