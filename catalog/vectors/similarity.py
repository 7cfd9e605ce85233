"""Similarities of queries and rows, computed from the stored descriptors without projecting them."""

import numpy as np

from catalog.vectors.half_precision import multiply
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.snapshot import Snapshot


def similarities(snapshot: Snapshot, queries: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the cosine similarities of rows and queries.

    Args:
        queries: from `Snapshot.project`, float32, m × k, of unit length.
        rows: rows of `Snapshot.row_index`, int64, n; None for all, live or not.

    Returns:
        float32, n × m.

    Raises:
        ValueError: rows are projected, but a segment has no scales.
    """
    directions, offsets = snapshot.fold_into_queries(queries)
    if rows is None:
        parts = [
            _segment_similarities(snapshot, live_segment, directions, offsets) for live_segment in snapshot.segments
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(queries)), np.float32)
    result = np.empty((len(rows), len(queries)), np.float32)
    for number, positions, segment_rows in snapshot.row_index.split(rows):
        result[positions] = _segment_similarities(
            snapshot, snapshot.segments[number], directions, offsets, segment_rows
        )
    return result


def _segment_similarities(
    snapshot: Snapshot,
    live_segment: LiveSegment,
    directions: np.ndarray,
    offsets: np.ndarray,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    vectors, derived = live_segment.segment.vectors, live_segment.codes_and_scales
    if derived is None and snapshot.projection is not None:
        raise ValueError(f"The segment {live_segment.segment.path.name} has no scales.")
    if rows is None:
        products = multiply(vectors, directions)
    else:
        # Multiplying all rows is faster than gathering more than a third of them.
        gathers = len(rows) <= len(vectors) // 3
        products = multiply(vectors[rows], directions) if gathers else multiply(vectors, directions)[rows]
    products -= offsets
    if derived is None:
        return products
    scales = derived.scales if rows is None else derived.scales[rows]
    return products * scales[:, np.newaxis]
