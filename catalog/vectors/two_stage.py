"""Search in two stages: the Hamming stage selects candidates by their codes, the exact stage ranks their descriptors.

Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", section 3.3. If few rows pass the
filter, the exact stage ranks all of them. FAISS computes the Hamming distances directly on the memory-mapped codes; it
does not build an index.
"""

from collections.abc import Sequence

import numpy as np

from catalog.vectors import exact
from catalog.vectors.exact import Ranking
from catalog.vectors.snapshot import LiveSegment, Snapshot

# Up to this number of rows, exact search is faster. Measured with `benchmarks.search`.
MAX_EXACT_ROWS = 4_000
# Share of the RECALL_AT best hits of exact search that the candidates should contain.
TARGET_RECALL = 0.99
RECALL_AT = 10
MIN_CANDIDATES = 100

# Hamming distances, int32, k, and the positions of the rows, int64, k.
HammingNeighbours = tuple[np.ndarray, np.ndarray]


def rank(snapshot: Snapshot, query_vector: np.ndarray, *, limit: int, allowed_ids: np.ndarray | None = None) -> Ranking:
    """Rank as `exact.rank` does, except that the candidates may lack about one in a hundred of the ten best hits."""
    rows: Sequence[np.ndarray | None] = snapshot.allowed_rows(allowed_ids)
    total = exact.count_rows(snapshot, rows)
    if snapshot.encoder and snapshot.candidates and total > MAX_EXACT_ROWS:
        candidate_count = snapshot.candidates * max(limit, RECALL_AT) // RECALL_AT
        if allowed_ids is not None:
            candidate_count += MIN_CANDIDATES  # the best rows that pass are farther away, where codes are less precise
        if candidate_count < total // 4:  # otherwise exact search is as fast
            code = snapshot.encoder.encode(query_vector[np.newaxis])
            rows = _select_candidates(snapshot, code, rows, candidate_count)
    return exact.rank_rows(snapshot, query_vector, rows, limit=limit, total=total)


def tune_candidate_count(snapshot: Snapshot, queries: np.ndarray) -> tuple[int, float]:
    """Return the number of candidates for a recall of TARGET_RECALL, and the recall at ten that it gives.

    Args:
        snapshot: a snapshot with an encoder.
        queries: rows of the catalogue as they are compared, float32, q × d. A query's own row is not among its hits.

    Raises:
        ValueError: the snapshot has no encoder.
    """
    if snapshot.encoder is None:
        raise ValueError("The number of candidates can only be tuned for a snapshot with an encoder.")
    codes = snapshot.encoder.encode(queries)
    hamming_ranks = np.concatenate(
        [_hamming_ranks(snapshot, query, code) for query, code in zip(queries, codes, strict=True)]
    )
    # 50 % more than these queries need, as a margin for other queries.
    row_count = exact.count_rows(snapshot, snapshot.allowed_rows(None))
    candidate_count = min(max(MIN_CANDIDATES, int(np.quantile(hamming_ranks, TARGET_RECALL) * 1.5)), row_count)
    return candidate_count, float((hamming_ranks <= candidate_count).mean())


def _hamming_ranks(snapshot: Snapshot, query: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return for each of the ten best hits the number of rows whose codes are as near or nearer: int64, 10.

    Args:
        query: float32, d.
        code: the code of the query, uint8, width.
    """
    best_ids = exact.rank(snapshot, query, limit=RECALL_AT + 1).image_ids[1:]
    distances, ids = [], []
    for live_segment in snapshot.segments:
        rows = live_segment.rows()
        distances.append(_hamming_distances(code, _codes(live_segment)[rows]))
        ids.append(live_segment.segment.image_ids[rows])
    all_distances, all_ids = np.concatenate(distances), np.concatenate(ids)
    return np.searchsorted(np.sort(all_distances), all_distances[np.isin(all_ids, best_ids)], side="right")


def _select_candidates(
    snapshot: Snapshot, code: np.ndarray, rows: Sequence[np.ndarray | None], candidate_count: int
) -> list[np.ndarray]:
    """Select the `candidate_count` of `rows` with the nearest codes. Return their positions in each segment, int64.

    Args:
        code: the code of the query, uint8, 1 × width.
        rows: the rows that pass the filter, as `Snapshot.allowed_rows` returns them.
    """
    segments_and_rows = list(zip(snapshot.segments, rows, strict=True))
    # First a few rows of each segment, because a smaller result takes less time …
    first_count = min(candidate_count, 2 * candidate_count // len(segments_and_rows) + MIN_CANDIDATES)
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


def _hamming_distances(code: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.bitwise_count(codes ^ code).sum(axis=1, dtype=np.int32)
