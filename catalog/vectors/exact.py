"""Exact search: the cosine of a query with every row that passes the filter."""

from dataclasses import dataclass

import numpy as np

from catalog.vectors.snapshot import LiveSegment, Snapshot


@dataclass(frozen=True)
class Ranking:
    """The best rows, best first, and how many rows were ranked at all.

    Attributes:
        image_ids: int64, k.
        scores: float32, k; cosine similarity in [-1, 1], but for rounding.
        total: rows that passed the filter, k or more.
    """

    image_ids: np.ndarray
    scores: np.ndarray
    total: int


def rank(snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """Rank all live rows by cosine similarity, whitened where there is a projection; ties stand in order of image id.

    Args:
        sought: float32, d, of unit length: a descriptor as `Snapshot.whitened` gives it.
        top: how many to return at most.
        allowed: int64, the image ids that may be returned; None allows all.
    """
    direction, offset = snapshot.projection.unfolded(sought) if snapshot.projection else (sought, 0.0)
    parts = [_score(part, direction, offset, allowed) for part in snapshot.segments]
    image_ids = np.concatenate([ids for ids, _ in parts]) if parts else np.empty(0, np.int64)
    scores = np.concatenate([scores for _, scores in parts]) if parts else np.empty(0, np.float32)
    best = _best(scores, top)
    best = best[np.lexsort((image_ids[best], -scores[best]))][:top]
    return Ranking(image_ids[best], scores[best], len(scores))


def _score(
    part: LiveSegment, direction: np.ndarray, offset: float, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    rows = _wanted(part, allowed)
    image_ids, vectors = part.segment.image_ids, part.segment.vectors
    if rows is None:
        products, scales = vectors @ direction, part.scales
    else:
        # One pass over all is quicker than gathering more than a third of them.
        products = (vectors @ direction)[rows] if len(rows) > len(part.segment) // 3 else vectors[rows] @ direction
        image_ids, scales = image_ids[rows], None if part.scales is None else part.scales[rows]
    return image_ids, products if scales is None else (products - np.float32(offset)) * scales


def _wanted(part: LiveSegment, allowed: np.ndarray | None) -> np.ndarray | None:
    """Positions of the live rows that may be returned: int64; None: all of the segment."""
    if allowed is None:
        return None if part.live is None else part.rows()
    passing = np.isin(part.segment.image_ids, allowed)
    return np.flatnonzero(passing if part.live is None else passing & part.live)


def _best(scores: np.ndarray, top: int) -> np.ndarray:
    """Positions of the `top` highest scores and of all that equal the last of them."""
    if top >= len(scores):
        return np.arange(len(scores))
    if top <= 0:
        return np.empty(0, np.int64)
    threshold = np.partition(scores, len(scores) - top)[len(scores) - top]
    return np.flatnonzero(scores >= threshold)
