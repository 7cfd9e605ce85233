"""Search with many queries at once that are parts of one picture: the best similarities of each.

In two stages, as `two_stage` does. The queries have much in common, so that the candidates of some of them, which the
Hamming stage selects in one batch, serve them all.
"""

import numpy as np

from catalog.vectors.codes import hamming
from catalog.vectors.similarity import similarities
from catalog.vectors.snapshot import Snapshot
from catalog.vectors.two_stage import MAX_EXACT_ROWS

# Of each query for which candidates are selected. Together they are a few thousand.
CANDIDATES_PER_QUERY = 100


def select_rows(
    snapshot: Snapshot, queries: np.ndarray, *, allowed_ids: np.ndarray | None = None, threads: int = 1
) -> np.ndarray:
    """Return the rows with which queries are compared: rows of `Snapshot.row_index` in ascending order, int64, n.

    Where few rows pass the filter, they are all of these, otherwise the candidates of the Hamming stage.

    Args:
        queries: from `Snapshot.project`, float32, m × k, of unit length.
        allowed_ids: the ids of the images that may be found, int64; None allows all.
        threads: how many compare codes.
    """
    allowed = snapshot.allowed_rows(allowed_ids)
    if snapshot.encoder is None or snapshot.count_rows(allowed) <= MAX_EXACT_ROWS:
        return snapshot.number_rows(allowed)
    codes = snapshot.encoder.encode(queries)
    return snapshot.number_rows(
        hamming.select_nearest_of_many(snapshot, codes, allowed, CANDIDATES_PER_QUERY, threads=threads)
    )


def best_similarities(snapshot: Snapshot, queries: np.ndarray, rows: np.ndarray, *, limit: int) -> np.ndarray:
    """Return the similarities of the best rows for each query, best first: float32, m × min(limit, n).

    Args:
        queries: as for `select_rows`.
        rows: from `select_rows`, for these or for similar queries.
    """
    compared = similarities(snapshot, queries, rows).T
    if len(rows) > limit:
        compared = np.partition(compared, len(rows) - limit, axis=1)[:, len(rows) - limit :]
    best: np.ndarray = -np.sort(-compared, axis=1)
    return best
