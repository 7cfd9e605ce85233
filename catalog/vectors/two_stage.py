"""Search in two stages: codes choose candidates by Hamming distance, the descriptors themselves rank these.

Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", section 3.3. Where few rows pass, all
are ranked at once. The Hamming distances are FAISS's, over the codes as they lie in memory: no index is built.
"""

from collections.abc import Sequence

import numpy as np

from catalog.vectors import exact
from catalog.vectors.exact import Ranking
from catalog.vectors.snapshot import LiveSegment, Snapshot

# Fewer rows than this are compared one and all in less time. Measured by `benchmarks.search`.
EXACT_BELOW = 4_000
# So many of the neighbours that exact search finds, the candidates are to hold.
RECALL = 0.99
AT = 10
FEWEST = 100

# Hamming distances, int32, k, and the positions of their rows, int64, k.
Nearest = tuple[np.ndarray, np.ndarray]


def rank(snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
    """As `exact.rank`, but for what the codes miss: of the ten best, one in a hundred, as was measured."""
    rows: Sequence[np.ndarray | None] = snapshot.allowed_rows(allowed)
    total = exact.count(snapshot, rows)
    if snapshot.coder and snapshot.candidates and total > EXACT_BELOW:
        wanted = snapshot.candidates * max(top, AT) // AT
        if allowed is not None:
            wanted += FEWEST  # the best of those that pass lie farther off, where codes tell less
        if wanted < total // 4:  # else the codes spare nothing
            rows = _nearest(snapshot, sought, rows, wanted)
    return exact.best_of(snapshot, sought, rows, top=top, total=total)


def tune(snapshot: Snapshot, queries: np.ndarray) -> tuple[int, float]:
    """How many candidates it takes, and the recall at ten that they then have, over these queries.

    Args:
        snapshot: with a coder.
        queries: float32, q × d: rows of the catalogue, as they are compared; each asks for others than itself.
    """
    places = np.concatenate([_places(snapshot, query) for query in queries])
    # Half as many again, for queries that were not asked.
    rows = exact.count(snapshot, snapshot.allowed_rows(None))
    wanted = min(max(FEWEST, int(np.quantile(places, RECALL) * 1.5)), rows)
    return wanted, float((places <= wanted).mean())


def _places(snapshot: Snapshot, query: np.ndarray) -> np.ndarray:
    """For each of the ten rows most like the query how many rows have codes as near or nearer: int64, 10."""
    best = exact.rank(snapshot, query, top=AT + 1).image_ids[1:]
    code = snapshot.coder.encode(query[np.newaxis])  # type: ignore[union-attr]
    distances, ids = [], []
    for part in snapshot.segments:
        rows = part.rows()
        distances.append(_distances(code, part.derived.codes[rows]))  # type: ignore[union-attr]
        ids.append(part.segment.image_ids[rows])
    found, where = np.concatenate(distances), np.concatenate(ids)
    return np.searchsorted(np.sort(found), found[np.isin(where, best)], side="right")


def _nearest(
    snapshot: Snapshot, sought: np.ndarray, rows: Sequence[np.ndarray | None], wanted: int
) -> list[np.ndarray]:
    """Of the chosen rows the `wanted` whose codes are nearest: for each segment their positions, int64."""
    code = snapshot.coder.encode(sought[np.newaxis])  # type: ignore[union-attr]
    parts = list(zip(snapshot.segments, rows, strict=True))
    # Few of each segment first, for each is asked in less time for less …
    few = min(wanted, 2 * wanted // len(parts) + FEWEST)
    found = [_nearest_in(part, code, chosen, few) for part, chosen in parts]
    farthest = _cut(found, wanted)
    # … then all of those that may hold more that are near enough.
    found = [
        _nearest_in(part, code, chosen, wanted) if few == len(one[0]) and one[0][-1] < farthest else one
        for (part, chosen), one in zip(parts, found, strict=True)
    ]
    distances = np.concatenate([distances for distances, _ in found])
    if len(distances) <= wanted:
        return [positions for _, positions in found]
    kept = np.zeros(len(distances), bool)
    kept[np.argpartition(distances, wanted)[:wanted]] = True
    ends = np.cumsum([len(positions) for _, positions in found])[:-1]
    return [positions[keep] for (_, positions), keep in zip(found, np.split(kept, ends), strict=True)]


def _cut(found: Sequence[Nearest], wanted: int) -> int:
    """The distance that the `wanted` nearest of these lie within, the farthest that can be where they are fewer."""
    distances = np.concatenate([distances for distances, _ in found])
    return int(np.partition(distances, wanted - 1)[wanted - 1]) if len(distances) >= wanted else np.iinfo(np.int32).max


def _nearest_in(part: LiveSegment, code: np.ndarray, chosen: np.ndarray | None, wanted: int) -> Nearest:
    """Of a segment's chosen rows the nearest, nearest first."""
    import faiss  # a hundred milliseconds, and only large catalogues need it

    codes = part.derived.codes  # type: ignore[union-attr]
    if chosen is not None:
        codes = codes[chosen]
    count = min(wanted, len(codes))
    if not count:
        return np.empty(0, np.int32), np.empty(0, np.int64)
    # It would share out queries, of which there is one; a second thread would only wait, and spin.
    faiss.omp_set_num_threads(1)
    distances, positions = faiss.knn_hamming(code, np.ascontiguousarray(codes), count, "mc")
    there = positions[0] >= 0
    found = positions[0][there]
    return distances[0][there], found if chosen is None else chosen[found]


def _distances(code: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.bitwise_count(codes ^ code).sum(axis=1, dtype=np.int32)
