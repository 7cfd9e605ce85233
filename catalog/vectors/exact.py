"""Exact search: the score of every row that passes the filter."""

from dataclasses import dataclass, field

import numpy as np

from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.snapshot import Snapshot


@dataclass(frozen=True)
class Ranking:
    """The best rows, best first.

    Attributes:
        image_ids: int64, k.
        scores: float32, k. They are in [-1, 1] except for rounding errors.
        similarities: float32, k: the cosine similarities of the query and the rows themselves, at most the scores.
        total: the number of rows that passed the filter, at least k.
        compared_scores: float32, n: the scores of all rows that were compared, in any order. n is at most `total`,
            and less where codes selected the rows.
    """

    image_ids: np.ndarray
    scores: np.ndarray
    similarities: np.ndarray
    total: int
    compared_scores: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))

    def without(self, image_id: int) -> "Ranking":
        """Return the ranking of all images but one, which passed the filter."""
        mask = self.image_ids != image_id
        own = np.flatnonzero(np.isin(self.compared_scores, self.scores[~mask]))[:1]
        compared_scores = np.delete(self.compared_scores, own)
        ids, scores, similarities = (array[mask] for array in (self.image_ids, self.scores, self.similarities))
        return Ranking(ids, scores, similarities, self.total - 1, compared_scores)


def rank(snapshot: Snapshot, query: ExpandedQuery, *, limit: int, allowed_ids: np.ndarray | None = None) -> Ranking:
    """Rank all live rows by their scores. Rows with equal scores are in order of their image ids.

    Args:
        limit: the maximum number of rows to return.
        allowed_ids: the ids of the images that may be returned, int64; None allows all.
    """
    rows = snapshot.number_rows(snapshot.allowed_rows(allowed_ids))
    return rank_rows(snapshot, query, rows, limit=limit, total=len(rows))


def rank_above(  # noqa: PLR0913, keyword arguments
    snapshot: Snapshot,
    query: ExpandedQuery,
    *,
    min_score: float,
    limit: int,
    allowed_ids: np.ndarray | None = None,
    exclude_image: int | None = None,
) -> Ranking:
    """Rank the rows with a score of `min_score` or more, except those of `exclude_image`, as `rank` does.

    `total` is the number of these rows.
    """
    rows = snapshot.number_rows(snapshot.allowed_rows(allowed_ids))
    scores, similarities = augmentation.score(snapshot, query, rows)
    image_ids = snapshot.row_index.image_ids(rows)
    selected = scores >= np.float32(min_score)
    if exclude_image is not None:
        selected &= image_ids != exclude_image
    return _best_ranking(image_ids[selected], scores[selected], similarities[selected], limit, int(selected.sum()))


def rank_rows(snapshot: Snapshot, query: ExpandedQuery, rows: np.ndarray, *, limit: int, total: int) -> Ranking:
    """Rank selected rows of `Snapshot.row_index`, in ascending order: int64, n."""
    scores, similarities = augmentation.score(snapshot, query, rows)
    return _best_ranking(snapshot.row_index.image_ids(rows), scores, similarities, limit, total)


def _best_ranking(
    image_ids: np.ndarray, scores: np.ndarray, similarities: np.ndarray, limit: int, total: int
) -> Ranking:
    """Return the ranking of the `limit` highest scores. Rows with equal scores are in order of their image ids."""
    best = _best_positions(scores, limit)
    best = best[np.lexsort((image_ids[best], -scores[best]))][:limit]
    return Ranking(image_ids[best], scores[best], similarities[best], total, scores)


def _best_positions(scores: np.ndarray, limit: int) -> np.ndarray:
    """Return the positions of the `limit` highest scores, and of all scores that equal the last of these."""
    if limit >= len(scores):
        return np.arange(len(scores))
    if limit <= 0:
        return np.empty(0, np.int64)
    threshold = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    return np.flatnonzero(scores >= threshold)
