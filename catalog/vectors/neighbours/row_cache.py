"""The descriptors of some rows in memory, so that the steps of one search read each of them once."""

import numpy as np

from catalog.vectors.snapshot import Snapshot


class RowCache:
    """Descriptors of rows of a snapshot, as float32, in the order in which they were added."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []  # vectors and scales
        self._sorted_rows = np.empty(0, np.int64)
        self._positions = np.empty(0, np.int64)  # of the sorted rows in the parts

    def add(self, rows: np.ndarray) -> None:
        """Read rows of `Snapshot.row_index`, int64, that are not in memory yet."""
        rows = np.unique(rows)
        nearest = np.searchsorted(self._sorted_rows, rows)
        is_missing = np.ones(len(rows), bool)
        inside = nearest < len(self._sorted_rows)
        is_missing[inside] = self._sorted_rows[nearest[inside]] != rows[inside]
        missing = rows[is_missing]
        if not len(missing):
            return
        self._parts.append((self._snapshot.vectors(missing), self._snapshot.scales(missing)))
        new_positions = len(self._positions) + np.arange(len(missing))
        self._sorted_rows = np.insert(self._sorted_rows, nearest[is_missing], missing)
        self._positions = np.insert(self._positions, nearest[is_missing], new_positions)

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """Return the positions of rows in memory in the result of `similarities`: int64, of the same shape."""
        return self._positions[np.searchsorted(self._sorted_rows, rows).clip(max=len(self._positions) - 1)]

    def similarities(self, queries: np.ndarray) -> np.ndarray:
        """Return the cosine similarities of all rows and projected queries, float32, m × k: float32, n × m."""
        directions, offsets = self._snapshot.fold_into_queries(queries)
        parts = [(vectors @ directions.T - offsets) * scales[:, np.newaxis] for vectors, scales in self._parts]
        return np.concatenate(parts) if parts else np.empty((0, len(queries)), np.float32)
