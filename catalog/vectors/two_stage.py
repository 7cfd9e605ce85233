"""Search in two stages: the Hamming stage selects candidates by their codes, the exact stage scores them.

Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", section 3.3. If few rows pass the
filter, the exact stage scores all of them. The neighbours of the best candidates become candidates too: the neighbour
graph knows them, however many bits of their codes differ from the query's.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from catalog.vectors import exact
from catalog.vectors.codes import hamming
from catalog.vectors.exact import Ranking
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.neighbours.row_cache import RowCache
from catalog.vectors.snapshot import Snapshot

# Up to this number of rows, exact search is faster. Measured with `benchmarks.search`.
MAX_EXACT_ROWS = 4_000
# Share of the RECALL_AT best hits of exact search that the candidates should contain.
TARGET_RECALL = 0.99
RECALL_AT = 10
MIN_CANDIDATES = 100
# The hits of a page. They need more candidates than RECALL_AT hits.
PAGE_HITS = 30
# The factor by which the number of candidates grows while it is tuned.
STEP = 1.5
# The descriptors of more candidates would take too much memory: see `RowCache`.
MAX_CANDIDATES = 20_000
# Selecting more than one in so many rows takes as long as scoring all.
MIN_ROWS_PER_CANDIDATE = 4
# For each hit, this many candidates are scored with their neighbours, but at least MIN_SHORTLIST. The neighbours of
# LINKED_CANDIDATES are added to them.
SHORTLIST_PER_HIT, MIN_SHORTLIST, LINKED_CANDIDATES = 3, 400, 10
# Where many candidates are needed, because many images are alike, one in so many is scored with its neighbours.
CANDIDATES_PER_SHORTLISTED = 3


def expand_query(
    snapshot: Snapshot, query_vector: np.ndarray, *, exclude_id: int | None = None, limit: int = RECALL_AT
) -> ExpandedQuery:
    """Return a query with the best images of the whole snapshot added; without neighbour lists only the query itself.

    Args:
        query_vector: from `Snapshot.project`, float32, k, of unit length.
        exclude_id: the image that is searched with.
        limit: how many hits will be asked for without a filter. The candidates for them are found at once.
    """
    if not snapshot.has_neighbours:
        return ExpandedQuery(query_vector)
    allowed = snapshot.allowed_rows(None)
    count = _candidate_count(snapshot, snapshot.count_rows(allowed), limit, is_filtered=False)
    return _expand(snapshot, query_vector, allowed, count, limit, exclude_id)


def rank(snapshot: Snapshot, query: ExpandedQuery, *, limit: int, allowed_ids: np.ndarray | None = None) -> Ranking:
    """Rank as `exact.rank` does, except that the candidates may lack about one in a hundred of the ten best hits."""
    allowed = snapshot.allowed_rows(allowed_ids)
    total = snapshot.count_rows(allowed)
    is_filtered = allowed_ids is not None
    count = _candidate_count(snapshot, total, limit, is_filtered=is_filtered)
    rows = _select_rows(snapshot, query, allowed, count, limit, is_filtered=is_filtered)
    return exact.rank_rows(snapshot, query, rows, limit=limit, total=total)


def _candidate_count(snapshot: Snapshot, total: int, limit: int, *, is_filtered: bool) -> int | None:
    """Return how many candidates to select among `total` rows; None to score all of them."""
    if not (snapshot.encoder and snapshot.candidates and total > MAX_EXACT_ROWS):
        return None
    count = snapshot.candidates * max(limit, RECALL_AT) // RECALL_AT
    if is_filtered:  # the best rows are farther away, where codes are less precise
        count += MIN_CANDIDATES
    is_worthwhile = count < min(total // MIN_ROWS_PER_CANDIDATE, MAX_CANDIDATES)
    return count if is_worthwhile else None


def _expand(  # noqa: PLR0913, PLR0917
    snapshot: Snapshot,
    query_vector: np.ndarray,
    allowed: Sequence[np.ndarray | None],
    count: int | None,
    limit: int,
    exclude_id: int | None,
) -> ExpandedQuery:
    """Expand a query by the best of `count` candidates among the allowed rows; of all of them for None."""
    if count is None:
        return augmentation.expand_query(snapshot, query_vector, snapshot.number_rows(allowed), exclude_id=exclude_id)
    query = ExpandedQuery(query_vector, cache=RowCache(snapshot))
    candidates = _nearest_codes(snapshot, query_vector, allowed, count)
    rows = shortlist(snapshot, query, candidates, allowed, count=shortlist_size(limit, len(candidates)))
    expanded = augmentation.expand_query(snapshot, query_vector, rows, exclude_id=exclude_id, cache=query.cache)
    return replace(expanded, candidates=candidates, cache=query.cache)


def _select_rows(  # noqa: PLR0913
    snapshot: Snapshot,
    query: ExpandedQuery,
    allowed: Sequence[np.ndarray | None],
    count: int | None,
    limit: int,
    *,
    is_filtered: bool = False,
) -> np.ndarray:
    """Return the rows to score among `count` candidates; all allowed ones for None.

    Without a filter, the candidates with which the query was expanded serve, if they are enough.
    """
    if count is None:
        return snapshot.number_rows(allowed)
    candidates = query.candidates
    if is_filtered or candidates is None or len(candidates) < count:
        candidates = _nearest_codes(snapshot, query.plain, allowed, count)
    if query.expanded is None:
        return candidates
    return shortlist(snapshot, query, candidates, allowed, count=shortlist_size(limit, len(candidates)))


def _nearest_codes(
    snapshot: Snapshot, query_vector: np.ndarray, allowed: Sequence[np.ndarray | None], count: int
) -> np.ndarray:
    if snapshot.encoder is None:
        raise ValueError("Candidates can only be selected in a snapshot with an encoder.")
    code = snapshot.encoder.encode(query_vector[np.newaxis])
    return snapshot.number_rows(hamming.select_nearest(snapshot, code, allowed, count))


def shortlist_size(limit: int, candidate_count: int = 0) -> int:
    """Return how many of the candidates are scored with their neighbours, to find the `limit` best hits."""
    return max(SHORTLIST_PER_HIT * limit, MIN_SHORTLIST, candidate_count // CANDIDATES_PER_SHORTLISTED)


def shortlist(
    snapshot: Snapshot,
    query: ExpandedQuery,
    candidates: np.ndarray,
    allowed: Sequence[np.ndarray | None],
    *,
    count: int,
) -> np.ndarray:
    """Return the `count` candidates most similar to the query, and the allowed neighbours of the best ones.

    Args:
        candidates: allowed rows of `Snapshot.row_index`, int64, n.
        allowed: the rows that may be found, as `Snapshot.allowed_rows` returns them.

    Returns:
        rows in ascending order, int64.
    """
    cache = query.cache or RowCache(snapshot)
    cache.add(candidates)
    similarities = cache.similarities(query.plain)
    if query.expanded is not None:
        similarities = np.maximum(similarities, cache.similarities(query.expanded))
    order = np.argsort(-similarities[cache.positions(candidates)], kind="stable")
    best = candidates[order[:count]]
    linked_ids = snapshot.neighbours_of(np.sort(best[:LINKED_CANDIDATES])).image_ids
    linked = snapshot.row_index.rows_of(linked_ids[linked_ids > 0])
    return np.union1d(best, _allowed_only(snapshot, linked[linked >= 0].astype(np.int64), allowed))


def _allowed_only(snapshot: Snapshot, rows: np.ndarray, allowed: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return those of `rows` that are in `allowed`."""
    kept = np.zeros(len(rows), bool)
    for number, positions, segment_rows in snapshot.row_index.split(rows):
        segment_allowed = allowed[number]
        kept[positions] = True if segment_allowed is None else np.isin(segment_rows, segment_allowed)
    return rows[kept]


def tune_candidate_count(snapshot: Snapshot, queries: np.ndarray, image_ids: np.ndarray) -> tuple[int, float]:
    """Return a number of candidates for a recall of TARGET_RECALL, and the recall at ten that it gives.

    Args:
        snapshot: a snapshot with an encoder.
        queries: rows of the catalogue as they are compared, float32, q × k. A query's own row is not among its hits.
        image_ids: the images of the queries, int64, q.

    Raises:
        ValueError: the snapshot has no encoder.
    """
    allowed = snapshot.allowed_rows(None)
    row_count = snapshot.count_rows(allowed)
    expected = [
        _best_ids(snapshot, query, allowed, None, image_id)
        for query, image_id in zip(queries, image_ids.tolist(), strict=True)
    ]
    # A page of hits should have its candidates, too.
    most = min(row_count // MIN_ROWS_PER_CANDIDATE, MAX_CANDIDATES) * RECALL_AT // PAGE_HITS
    count = min(MIN_CANDIDATES, row_count)
    while True:
        found = [
            _best_ids(snapshot, query, allowed, count, image_id)
            for query, image_id in zip(queries, image_ids.tolist(), strict=True)
        ]
        recall = float(np.mean([np.isin(best, ids).mean() for best, ids in zip(expected, found, strict=True)]))
        if recall >= TARGET_RECALL or count >= most:
            return count, recall
        count = min(int(count * STEP), most)


def _best_ids(
    snapshot: Snapshot,
    query_vector: np.ndarray,
    allowed: Sequence[np.ndarray | None],
    count: int | None,
    image_id: int,
) -> np.ndarray:
    """Return the ten best images but `image_id` among `count` candidates; among all rows for None."""
    query = ExpandedQuery(query_vector)
    if snapshot.has_neighbours:
        query = _expand(snapshot, query_vector, allowed, count, RECALL_AT, image_id)
    rows = _select_rows(snapshot, query, allowed, count, RECALL_AT)
    ranking = exact.rank_rows(snapshot, query, rows, limit=RECALL_AT + 1, total=len(rows))
    return ranking.image_ids[ranking.image_ids != image_id][:RECALL_AT]
