"""Exact search: the cosine of a query with every row that passes the filter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.segments import Segment


@dataclass(frozen=True)
class LiveSegment:
    """A segment and which of its rows still stand for an image.

    Attributes:
        live: bool, n; None where every row does.
    """

    segment: Segment
    live: np.ndarray | None


@dataclass(frozen=True)
class Ranking:
    """The best rows, best first, and how many rows were ranked at all.

    Attributes:
        image_ids: int64, k.
        scores: float32, k; cosine similarity in [-1, 1].
        total: rows that passed the filter, k or more.
    """

    image_ids: np.ndarray
    scores: np.ndarray
    total: int


def rank(segments: Sequence[LiveSegment], query: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """Rank all live rows by cosine similarity to `query`; equal scores stand in order of image id.

    Args:
        query: float32, d, of unit length.
        top: how many to return at most.
        allowed: int64, the image ids that may be returned; None allows all.
    """
    parts = [_score(part, query, allowed) for part in segments]
    image_ids = np.concatenate([ids for ids, _ in parts]) if parts else np.empty(0, np.int64)
    scores = np.concatenate([scores for _, scores in parts]) if parts else np.empty(0, np.float32)
    best = _best(scores, top)
    best = best[np.lexsort((image_ids[best], -scores[best]))][:top]
    return Ranking(image_ids[best], scores[best], len(scores))


def _score(part: LiveSegment, query: np.ndarray, allowed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    segment, wanted = part.segment, part.live
    if allowed is not None:
        passing = np.isin(segment.image_ids, allowed)
        wanted = passing if wanted is None else wanted & passing
    if wanted is None:
        return segment.image_ids, segment.vectors @ query
    rows = np.flatnonzero(wanted)
    if len(rows) > len(segment) // 3:  # then one pass over all is quicker than gathering the wanted ones
        return segment.image_ids[rows], (segment.vectors @ query)[rows]
    return segment.image_ids[rows], segment.vectors[rows] @ query


def _best(scores: np.ndarray, top: int) -> np.ndarray:
    """Positions of the `top` highest scores and of all that equal the last of them."""
    if top >= len(scores):
        return np.arange(len(scores))
    if top <= 0:
        return np.empty(0, np.int64)
    threshold = np.partition(scores, len(scores) - top)[len(scores) - top]
    return np.flatnonzero(scores >= threshold)
