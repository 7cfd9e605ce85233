"""Near copies among results, folded behind the best of them."""

from dataclasses import replace

import numpy as np

from catalog.services import spaces
from catalog.services.learning import calibration_of
from catalog.services.live_index import up_to_date
from catalog.services.searching import Hit, Results
from catalog.vectors.calibration import Likeness

# From what score on two pictures are copies of one, where the catalogue is too small to have learned it.
COPIES_FROM = 0.995


# So many hits before and after a page are looked at too: copies of one picture score about the same.
AROUND = 24


def folded(results: Results) -> list[Hit]:
    """The hits of a stretch, but those that show the same picture as a better one are among its `copies`.

    A copy is what would be called the same picture, had the better hit been the query.
    """
    copies = _copies(results)
    behind: dict[int, list[Hit]] = {}
    for place, hit in enumerate(results.hits):
        better = next((other for other in behind if copies[other, place]), None)
        if better is None:
            behind[place] = []
        else:
            behind[better].append(hit)
    return [replace(results.hits[place], copies=tuple(hits)) for place, hits in behind.items()]


def _copies(results: Results) -> np.ndarray:
    """Which hits are copies of which: bool, n × n."""
    ids = np.array([hit.image.pk for hit in results.hits], np.int64)
    generation = spaces.serving(results.space)
    if generation is None or len(ids) < 2:
        return np.zeros((len(ids), len(ids)), bool)
    snapshot = up_to_date(generation).snapshot
    rows = snapshot.whitened(snapshot.vectors_of(ids))
    if len(rows) < len(ids):  # one was deleted this moment
        return np.zeros((len(ids), len(ids)), bool)
    meaning = calibration_of(generation)
    return rows @ rows.T >= (meaning.least(Likeness.SAME) if meaning else COPIES_FROM)
