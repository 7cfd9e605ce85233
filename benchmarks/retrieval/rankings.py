"""Ways to rank images by their descriptors, with their neighbours taken into account."""

from dataclasses import dataclass

import numpy as np

from catalog.vectors import metrics
from catalog.vectors.neighbours.augmentation import EXPANSION_IMAGES, PLAIN_SHARE, WEIGHT_EXPONENT
from catalog.vectors.neighbours.lists import LIST_LENGTH
from catalog.vectors.neighbours.sample_scores import score_sample
from catalog.vectors.projections.projection import unit_vectors

IN_USE = "in_use"


@dataclass(frozen=True)
class Ranking:
    """A way to score images. See `catalog.vectors.neighbours.augmentation` for the methods.

    Attributes:
        combination: its name; "in_use" is computed by the program's own function.
        dba: neighbours that are added to each image.
        expand: images that are added to the query (αQE).
        exponent: of the similarity, in the weights of both.
        plain_share: the share of the plain similarity p in the score max(p, share · p + (1 − share) · augmented); None
            for the augmented similarity alone.
        k_reciprocal: whether to re-rank by common neighbours; see `k_reciprocal_scores`.
    """

    combination: str
    dba: int = 0
    expand: int = 0
    exponent: int = WEIGHT_EXPONENT
    plain_share: float | None = None
    k_reciprocal: bool = False

    def scores(self, rows: np.ndarray, queries: np.ndarray | None = None) -> np.ndarray:
        """Return the scores of rows for each query: float32, q × n; -inf for a query with itself.

        Args:
            rows: float32, n × k, of unit length.
            queries: likewise, q × k; None for the rows themselves.
        """
        if self.k_reciprocal:
            return k_reciprocal_scores(rows, queries)
        if self.combination == IN_USE:
            return score_sample(rows, queries).augmented
        augmented = rows
        if self.dba:
            augmented = unit_vectors(rows + self._weighted_sum(_similarities(rows, None, rows), rows, self.dba))
        expanded = rows if queries is None else queries
        if self.expand:
            first = _similarities(rows, queries, augmented)
            expanded = unit_vectors(expanded + self._weighted_sum(first, augmented, self.expand))
        scores = expanded @ augmented.T
        if self.plain_share is not None:
            plain = rows @ rows.T if queries is None else queries @ rows.T
            scores = np.maximum(plain, self.plain_share * plain + (1 - self.plain_share) * scores)
        return _without_self(scores) if queries is None else scores

    def _weighted_sum(self, similarities: np.ndarray, vectors: np.ndarray, count: int) -> np.ndarray:
        best = np.argsort(-similarities, axis=1, kind="stable")[:, :count]
        weights = np.maximum(np.take_along_axis(similarities, best, axis=1), 0) ** self.exponent
        return np.einsum("qj,qjk->qk", weights, vectors[best])


PLAIN = Ranking("plain")
RANKING_IN_USE = Ranking(IN_USE, dba=LIST_LENGTH, expand=EXPANSION_IMAGES, plain_share=PLAIN_SHARE)
COMBINATIONS = (
    PLAIN,
    Ranking("DBA", dba=LIST_LENGTH),
    Ranking("αQE", expand=EXPANSION_IMAGES),
    Ranking("DBA + αQE", dba=LIST_LENGTH, expand=EXPANSION_IMAGES),
    RANKING_IN_USE,
    Ranking("k-reciprocal", k_reciprocal=True),
)
# Neighbours, images that expand the query and exponents that were compared; and shares of the plain similarity.
PARAMETERS = tuple(
    Ranking("other parameters", *parameters, plain_share=PLAIN_SHARE)
    for parameters in ((5, 5, 3), (5, 5, 2), (10, 5, 3), (10, 5, 1), (10, 10, 2), (20, 5, 2))
) + tuple(
    Ranking("other parameters", LIST_LENGTH, EXPANSION_IMAGES, plain_share=share) for share in (0.0, 0.1, 0.2, 0.4)
)


def k_reciprocal_scores(
    rows: np.ndarray, queries: np.ndarray | None = None, k1: int = 20, k2: int = 6, plain_share: float = 0.3
) -> np.ndarray:
    """Return scores by the overlap of the k-reciprocal neighbours of query and row: float32, q × n.

    Zhong, Zheng, Cao & Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017, with the
    parameters of the paper. Arguments as in `Ranking.scores`.
    """
    everything = rows if queries is None else np.vstack([queries, rows])
    distances = np.maximum(2 - 2 * everything @ everything.T, 0)
    distances /= distances.max(axis=1, keepdims=True)
    order = np.argsort(distances, axis=1, kind="stable")
    sets = expanded_reciprocal_sets(order, k1)
    features = np.where(sets, np.exp(-distances), 0)
    features /= features.sum(axis=1, keepdims=True)
    features = features[order[:, :k2]].mean(axis=1)  # local query expansion, equation 11
    count = len(everything) - len(rows)
    query_positions = range(count) if queries is not None else range(len(rows))
    overlaps = np.stack([np.minimum(features[position], features[count:]).sum(axis=1) for position in query_positions])
    jaccard = 1 - overlaps / (2 - overlaps)
    plain = distances[: len(overlaps), count:]
    scores = -(plain_share * plain + (1 - plain_share) * jaccard)
    return _without_self(scores) if queries is None else scores


def expanded_reciprocal_sets(order: np.ndarray, k: int) -> np.ndarray:
    """Return the sets R*(p, k) of equation 5: bool, n × n.

    Args:
        order: all images by distance, for each image, itself first: int64, n × n.
    """
    reciprocal = _reciprocal_sets(order, k)
    halves = _reciprocal_sets(order, round(k / 2)).astype(np.float32)
    overlaps = reciprocal.astype(np.float32) @ halves.T
    included = reciprocal & (overlaps >= 2 / 3 * halves.sum(axis=1))
    return reciprocal | (included.astype(np.float32) @ halves > 0)


def _reciprocal_sets(order: np.ndarray, k: int) -> np.ndarray:
    nearest = np.zeros(order.shape, bool)
    np.put_along_axis(nearest, order[:, : k + 1], values=True, axis=1)
    return nearest & nearest.T


def _similarities(rows: np.ndarray, queries: np.ndarray | None, compared: np.ndarray) -> np.ndarray:
    return _without_self(rows @ compared.T) if queries is None else queries @ compared.T


def _without_self(scores: np.ndarray) -> np.ndarray:
    np.fill_diagonal(scores, -np.inf)
    return scores


def average_precisions(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the average precision of each image as a query for the others of its kind: float64, n."""
    return metrics.average_precision(metrics.relevance(scores, labels))
