// `[data-unfold]` shows and hides the near-duplicates of its own hit.

import { opensElsewhere } from "./partial-navigation.js";

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("[data-unfold]");
    if (!link || opensElsewhere(event)) return;
    event.preventDefault();
    event.stopPropagation(); // partial-navigation.js would follow the link
    const unfolded = link.getAttribute("aria-expanded") === "true";
    link.setAttribute("aria-expanded", String(!unfolded));
    for (const tile of document.querySelectorAll(`[data-copy-of="${link.dataset.unfold}"]`)) tile.hidden = unfolded;
  },
  true,
);
