"""The nearest codes: the rows of a snapshot whose codes differ in the fewest bits from that of a query.

FAISS computes the Hamming distances directly on the memory-mapped codes; it does not build an index.
"""

from collections.abc import Sequence

import numpy as np

from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.snapshot import Snapshot

# Added to the rows that each of several segments returns first.
EXTRA_ROWS = 100

# Hamming distances, int32, k, and the positions of the rows, int64, k.
HammingNeighbours = tuple[np.ndarray, np.ndarray]


def select_nearest(
    snapshot: Snapshot, code: np.ndarray, rows: Sequence[np.ndarray | None], candidate_count: int
) -> list[np.ndarray]:
    """Select the `candidate_count` of `rows` with the nearest codes.

    Return their positions in each segment, int64.

    Args:
        code: the code of the query, uint8, 1 × width.
        rows: the rows that pass the filter, as `Snapshot.allowed_rows` returns them.
    """
    segments_and_rows = list(zip(snapshot.segments, rows, strict=True))
    # First a few rows of each segment, because a smaller result takes less time …
    first_count = min(candidate_count, 2 * candidate_count // len(segments_and_rows) + EXTRA_ROWS)
    neighbours = [
        _nearest_in_segment(live_segment, code, segment_rows, first_count)
        for live_segment, segment_rows in segments_and_rows
    ]
    max_distance = _max_candidate_distance(neighbours, candidate_count)
    # … then more of each segment that may have further rows within the distance.
    neighbours = [
        _nearest_in_segment(live_segment, code, segment_rows, candidate_count)
        if first_count == len(segment_neighbours[0]) and segment_neighbours[0][-1] < max_distance
        else segment_neighbours
        for (live_segment, segment_rows), segment_neighbours in zip(segments_and_rows, neighbours, strict=True)
    ]
    distances = np.concatenate([distances for distances, _ in neighbours])
    if len(distances) <= candidate_count:
        return [positions for _, positions in neighbours]
    candidate_mask = np.zeros(len(distances), bool)
    candidate_mask[np.argpartition(distances, candidate_count)[:candidate_count]] = True
    ends = np.cumsum([len(positions) for _, positions in neighbours])[:-1]
    return [
        positions[segment_mask]
        for (_, positions), segment_mask in zip(neighbours, np.split(candidate_mask, ends), strict=True)
    ]


def _max_candidate_distance(neighbours: Sequence[HammingNeighbours], candidate_count: int) -> int:
    """Return the largest distance of the `candidate_count` nearest rows; the largest integer if there are fewer."""
    distances = np.concatenate([distances for distances, _ in neighbours])
    return (
        int(np.partition(distances, candidate_count - 1)[candidate_count - 1])
        if len(distances) >= candidate_count
        else np.iinfo(np.int32).max
    )


def _nearest_in_segment(
    live_segment: LiveSegment, code: np.ndarray, segment_rows: np.ndarray | None, max_count: int
) -> HammingNeighbours:
    """Return the nearest of a segment's rows, nearest first."""
    import faiss  # takes a hundred milliseconds to import, and only large catalogues need it

    codes = _codes(live_segment)
    if segment_rows is not None:
        codes = codes[segment_rows]
    count = min(max_count, len(codes))
    if not count:
        return np.empty(0, np.int32), np.empty(0, np.int64)
    # FAISS distributes queries over threads. With one query, other threads would only busy-wait.
    faiss.omp_set_num_threads(1)
    distances, positions = faiss.knn_hamming(code, np.ascontiguousarray(codes), count, "mc")
    is_filled = positions[0] >= 0
    row_positions = positions[0][is_filled]
    return distances[0][is_filled], row_positions if segment_rows is None else segment_rows[row_positions]


def _codes(live_segment: LiveSegment) -> np.ndarray:
    """Return the codes of a segment. In a snapshot with an encoder all segments have codes."""
    if live_segment.codes_and_scales is None:
        raise ValueError(f"The segment {live_segment.segment.path.name} has no codes.")
    return live_segment.codes_and_scales.codes


def nearest_of_many(query_codes: np.ndarray, codes: np.ndarray, count: int, *, threads: int) -> np.ndarray:
    """Return the positions of the `count` nearest codes of each query, in no particular order: int64, q × count.

    Args:
        query_codes: uint8, q × width.
        codes: uint8, n × width; n is at least `count`.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    return faiss.knn_hamming(query_codes, codes, count, "mc")[1]


def select_nearest_of_many(
    snapshot: Snapshot, codes: np.ndarray, rows: Sequence[np.ndarray | None], count: int, *, threads: int
) -> list[np.ndarray]:
    """Select the `count` of `rows` with the nearest codes of each query. Each row is returned once.

    Return their positions in each segment, in ascending order, int64.

    Args:
        codes: the codes of the queries, uint8, q × width.
        rows: as for `select_nearest`.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    distances, positions, numbers = [], [], []
    for number, (live_segment, segment_rows) in enumerate(zip(snapshot.segments, rows, strict=True)):
        segment_codes = _codes(live_segment)
        if segment_rows is not None:
            segment_codes = np.ascontiguousarray(segment_codes[segment_rows])
        if len(segment_codes):
            found = faiss.knn_hamming(codes, segment_codes, min(count, len(segment_codes)), "mc")
            distances.append(found[0])
            positions.append(found[1] if segment_rows is None else segment_rows[found[1]])
            numbers.append(np.full(found[1].shape[1], number))
    selected: list[np.ndarray] = [np.empty(0, np.int64) for _ in snapshot.segments]
    if not distances:
        return selected
    of_segment, merged = np.concatenate(numbers), np.concatenate(distances, axis=1)
    kept = np.argpartition(merged, min(count, merged.shape[1]) - 1, axis=1)[:, :count]
    rows_kept = np.take_along_axis(np.concatenate(positions, axis=1), kept, axis=1)
    for number in range(len(selected)):
        selected[number] = np.unique(rows_kept[of_segment[kept] == number])
    return selected


def codes_of(snapshot: Snapshot, rows: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return the codes of rows, as `Snapshot.allowed_rows` returns them: uint8, n × width."""
    parts = [
        _codes(live_segment) if segment_rows is None else _codes(live_segment)[segment_rows]
        for live_segment, segment_rows in zip(snapshot.segments, rows, strict=True)
    ]
    return np.concatenate(parts)
