"""Exact search: the cosine similarity of the query and every row that passes the filter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.snapshot import LiveSegment, Snapshot


@dataclass(frozen=True)
class Ranking:
    """The best rows, best first.

    Attributes:
        image_ids: int64, k.
        scores: float32, k: cosine similarities. They are in [-1, 1] except for rounding errors.
        total: the number of rows that passed the filter, at least k.
    """

    image_ids: np.ndarray
    scores: np.ndarray
    total: int


def rank_above(  # noqa: PLR0913, keyword arguments
    snapshot: Snapshot,
    query_vector: np.ndarray,
    *,
    min_score: float,
    limit: int,
    allowed_ids: np.ndarray | None = None,
    exclude_image: int | None = None,
) -> Ranking:
    """Rank the rows with a score of `min_score` or more, except those of `exclude_image`, as `rank` does.

    `total` is the number of these rows.
    """
    ids, scores = _score_rows(snapshot, query_vector, snapshot.allowed_rows(allowed_ids))
    selected = scores >= np.float32(min_score)
    if exclude_image is not None:
        selected &= ids != exclude_image
    return _best_ranking(ids[selected], scores[selected], limit, int(selected.sum()))


def rank(snapshot: Snapshot, query_vector: np.ndarray, *, limit: int, allowed_ids: np.ndarray | None = None) -> Ranking:
    """Rank all live rows by cosine similarity. Rows with equal scores are in order of their image ids.

    Args:
        query_vector: a descriptor from `Snapshot.whiten`, float32, d, of unit length.
        limit: the maximum number of rows to return.
        allowed_ids: the ids of the images that may be returned, int64; None allows all.
    """
    rows = snapshot.allowed_rows(allowed_ids)
    return rank_rows(snapshot, query_vector, rows, limit=limit, total=count_rows(snapshot, rows))


def count_rows(snapshot: Snapshot, rows: Sequence[np.ndarray | None]) -> int:
    """Count the rows that `Snapshot.allowed_rows` returned."""
    return sum(
        len(live_segment.segment) if segment_rows is None else len(segment_rows)
        for live_segment, segment_rows in zip(snapshot.segments, rows, strict=True)
    )


def rank_rows(
    snapshot: Snapshot, query_vector: np.ndarray, rows: Sequence[np.ndarray | None], *, limit: int, total: int
) -> Ranking:
    """Rank selected rows. `rows` has their positions in each segment, int64, or None for all rows of a segment."""
    return _best_ranking(*_score_rows(snapshot, query_vector, rows), limit, total)


def _score_rows(
    snapshot: Snapshot, query_vector: np.ndarray, rows: Sequence[np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the image ids, int64, n, and the scores, float32, n, of selected rows."""
    direction, offset = snapshot.fold_into_query(query_vector)
    scored_segments = [
        _score_segment(live_segment, direction, offset, segment_rows)
        for live_segment, segment_rows in zip(snapshot.segments, rows, strict=True)
    ]
    if not scored_segments:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return np.concatenate([ids for ids, _ in scored_segments]), np.concatenate(
        [scores for _, scores in scored_segments]
    )


def _best_ranking(image_ids: np.ndarray, scores: np.ndarray, limit: int, total: int) -> Ranking:
    best = _best_positions(scores, limit)
    best = best[np.lexsort((image_ids[best], -scores[best]))][:limit]
    return Ranking(image_ids[best], scores[best], total)


def _score_segment(
    live_segment: LiveSegment, direction: np.ndarray, offset: float, rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    image_ids, vectors, codes_and_scales = (
        live_segment.segment.image_ids,
        live_segment.segment.vectors,
        live_segment.codes_and_scales,
    )
    if rows is None:
        products, scales = vectors @ direction, codes_and_scales and codes_and_scales.scales
    else:
        # Multiplying all rows is faster than gathering more than a third of them.
        products = (
            (vectors @ direction)[rows] if len(rows) > len(live_segment.segment) // 3 else vectors[rows] @ direction
        )
        image_ids, scales = image_ids[rows], codes_and_scales and codes_and_scales.scales[rows]
    return image_ids, products if scales is None else (products - np.float32(offset)) * scales


def _best_positions(scores: np.ndarray, limit: int) -> np.ndarray:
    """Return the positions of the `limit` highest scores, and of all scores that equal the last of these."""
    if limit >= len(scores):
        return np.arange(len(scores))
    if limit <= 0:
        return np.empty(0, np.int64)
    threshold = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    return np.flatnonzero(scores >= threshold)
