"""Exact search: the cosine of a query with every row that passes the filter."""

from collections.abc import Sequence
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


def above(  # noqa: PLR0913, by name
    snapshot: Snapshot,
    sought: np.ndarray,
    *,
    least: float,
    top: int,
    allowed: np.ndarray | None = None,
    without: int | None = None,
) -> Ranking:
    """As `rank`, of the rows alone whose score is `least` or more and whose image another than `without`.

    `total` counts these.
    """
    ids, scores = _scores(snapshot, sought, snapshot.allowed_rows(allowed))
    passing = scores >= np.float32(least)
    if without is not None:
        passing &= ids != without
    return _ranked(ids[passing], scores[passing], top, int(passing.sum()))


def rank(snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """Rank all live rows by cosine similarity, whitened where there is a projection; ties stand in order of image id.

    Args:
        sought: float32, d, of unit length: a descriptor as `Snapshot.whitened` gives it.
        top: how many to return at most.
        allowed: int64, the image ids that may be returned; None allows all.
    """
    rows = snapshot.allowed_rows(allowed)
    return best_of(snapshot, sought, rows, top=top, total=count(snapshot, rows))


def count(snapshot: Snapshot, rows: Sequence[np.ndarray | None]) -> int:
    """How many rows are chosen, as `Snapshot.allowed_rows` gives them."""
    return sum(
        len(part.segment) if chosen is None else len(chosen)
        for part, chosen in zip(snapshot.segments, rows, strict=True)
    )


def best_of(
    snapshot: Snapshot, sought: np.ndarray, rows: Sequence[np.ndarray | None], *, top: int, total: int
) -> Ranking:
    """The best of chosen rows: for each segment their positions, int64, or None for all."""
    return _ranked(*_scores(snapshot, sought, rows), top, total)


def _scores(snapshot: Snapshot, sought: np.ndarray, rows: Sequence[np.ndarray | None]) -> tuple[np.ndarray, np.ndarray]:
    """The image ids of chosen rows, int64, n, and their scores, float32, n."""
    direction, offset = snapshot.unfolded(sought)
    parts = [_score(part, direction, offset, chosen) for part, chosen in zip(snapshot.segments, rows, strict=True)]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return np.concatenate([ids for ids, _ in parts]), np.concatenate([scores for _, scores in parts])


def _ranked(image_ids: np.ndarray, scores: np.ndarray, top: int, total: int) -> Ranking:
    best = _best(scores, top)
    best = best[np.lexsort((image_ids[best], -scores[best]))][:top]
    return Ranking(image_ids[best], scores[best], total)


def _score(
    part: LiveSegment, direction: np.ndarray, offset: float, rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    image_ids, vectors, derived = part.segment.image_ids, part.segment.vectors, part.derived
    if rows is None:
        products, scales = vectors @ direction, derived and derived.scales
    else:
        # One pass over all is quicker than gathering more than a third of them.
        products = (vectors @ direction)[rows] if len(rows) > len(part.segment) // 3 else vectors[rows] @ direction
        image_ids, scales = image_ids[rows], derived and derived.scales[rows]
    return image_ids, products if scales is None else (products - np.float32(offset)) * scales


def _best(scores: np.ndarray, top: int) -> np.ndarray:
    """Positions of the `top` highest scores and of all that equal the last of them."""
    if top >= len(scores):
        return np.arange(len(scores))
    if top <= 0:
        return np.empty(0, np.int64)
    threshold = np.partition(scores, len(scores) - top)[len(scores) - top]
    return np.flatnonzero(scores >= threshold)
