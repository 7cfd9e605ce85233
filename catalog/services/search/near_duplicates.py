"""Near-duplicates among the hits of a search, grouped under the best one."""

from dataclasses import replace

import numpy as np

from catalog.services.index import spaces
from catalog.services.index.live_index import synced_view
from catalog.services.index.training.trained_parameters import calibration_of
from catalog.services.search.ranking import Hit, Results
from catalog.vectors.calibration import SimilarityLevel

# The score from which two images count as near-duplicates while the catalogue is too small to be calibrated.
DUPLICATE_THRESHOLD = 0.995


def group_near_duplicates(results: Results) -> list[Hit]:
    """Return the hits without near-duplicates of better hits, which are in the better hit's `near_duplicates`.

    A hit is a near-duplicate of a better one if their score has the level `SimilarityLevel.SAME`.
    """
    is_duplicate = _duplicate_matrix(results)
    groups: dict[int, list[Hit]] = {}
    for position, hit in enumerate(results.hits):
        representative = next((candidate for candidate in groups if is_duplicate[candidate, position]), None)
        if representative is None:
            groups[position] = []
        else:
            groups[representative].append(hit)
    return [
        replace(results.hits[position], near_duplicates=tuple(duplicates)) for position, duplicates in groups.items()
    ]


def _duplicate_matrix(results: Results) -> np.ndarray:
    """Return which pairs of hits are near-duplicates: bool, n × n."""
    ids = np.array([hit.image.pk for hit in results.hits], np.int64)
    generation = spaces.serving_generation(results.space)
    if generation is None or len(ids) < 2:
        return np.zeros((len(ids), len(ids)), bool)
    snapshot = synced_view(generation).snapshot
    rows = snapshot.row_index.rows_of(ids).astype(np.int64)
    if (rows < 0).any():  # one was deleted since the search
        return np.zeros((len(ids), len(ids)), bool)
    calibration = calibration_of(generation)
    threshold = calibration.min_score(SimilarityLevel.SAME) if calibration else DUPLICATE_THRESHOLD
    lists = snapshot.neighbours_of(rows)
    is_linked = lists.similarities >= threshold
    matrix = ((lists.image_ids[:, :, np.newaxis] == ids) & is_linked[:, :, np.newaxis]).any(axis=1)
    # A list that is not made, or holds near-duplicates only, does not tell all.
    incomplete = (lists.inverse_norms == 0) | is_linked.all(axis=1)
    if incomplete.any():
        vectors = snapshot.project(snapshot.vectors(rows))
        matrix[incomplete] = vectors[incomplete] @ vectors.T >= threshold
    return matrix | matrix.T
