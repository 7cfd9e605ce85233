"""The scores of a small sample, computed as one matrix: to compare projections before a generation is built."""

from typing import NamedTuple

import numpy as np

from catalog.vectors.neighbours.augmentation import EXPANSION_IMAGES, PLAIN_SHARE, weights
from catalog.vectors.neighbours.lists import LIST_LENGTH
from catalog.vectors.projections.projection import unit_vectors


class SampleScores(NamedTuple):
    """The scores of all pairs of q queries and n rows: float32, q × n."""

    plain: np.ndarray
    augmented: np.ndarray


def score_sample(rows: np.ndarray, queries: np.ndarray | None = None) -> SampleScores:
    """Return the scores of all pairs of queries and rows, without and with neighbours, as `augmentation.score` does.

    Args:
        rows: projected descriptors, float32, n × k, of unit length.
        queries: likewise, float32, q × k; None for the rows themselves. Then the score of a row with itself is -inf.
    """
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    augmented_rows = unit_vectors(rows + _weighted_sum(cosines, rows, LIST_LENGTH))
    plain = cosines if queries is None else queries @ rows.T
    query_vectors = rows if queries is None else queries
    first = query_vectors @ augmented_rows.T
    if queries is None:
        np.fill_diagonal(first, -np.inf)
    expanded = unit_vectors(query_vectors + _weighted_sum(first, augmented_rows, EXPANSION_IMAGES))
    mixed = PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * (expanded @ augmented_rows.T)
    return SampleScores(plain, np.maximum(plain, mixed))


def _weighted_sum(cosines: np.ndarray, vectors: np.ndarray, count: int) -> np.ndarray:
    """Return for each row of `cosines` the sum of its `count` best vectors, weighted: float32, q × k."""
    count = min(count, cosines.shape[1] - 1)
    best = np.argpartition(-cosines, count, axis=1)[:, :count]
    best_weights = weights(np.take_along_axis(cosines, best, axis=1))
    return np.einsum("qj,qjk->qk", best_weights, vectors[best])
