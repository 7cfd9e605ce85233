"""The descriptors of some rows in memory, so that the steps of one search read and compare each of them once."""

import numpy as np

from catalog.vectors.similarity import similarities
from catalog.vectors.snapshot import Snapshot


class RowCache:
    """Descriptors of rows of a snapshot, as float32, in the order in which they were added."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []  # vectors and scales
        self._sorted_rows = np.empty(0, np.int64)
        self._positions = np.empty(0, np.int64)  # of the sorted rows in the parts
        # By query: itself, to be compared with descriptors that are not projected, and the similarities of each part.
        self._compared: dict[bytes, tuple[np.ndarray, np.ndarray, list[np.ndarray]]] = {}

    def add(self, rows: np.ndarray) -> None:
        """Read rows of `Snapshot.row_index`, int64, that are not in memory yet."""
        rows = np.sort(rows)  # `np.unique` takes several times as long
        is_new = np.ones(len(rows), bool)
        is_new[1:] = rows[1:] != rows[:-1]
        nearest = np.searchsorted(self._sorted_rows, rows)
        inside = nearest < len(self._sorted_rows)
        is_new[inside] &= self._sorted_rows[nearest[inside]] != rows[inside]
        missing = rows[is_new]
        if not len(missing):
            return
        self._parts.append((self._snapshot.vectors(missing), self._snapshot.scales(missing)))
        new_positions = len(self._positions) + np.arange(len(missing))
        self._sorted_rows = np.insert(self._sorted_rows, nearest[is_new], missing)
        self._positions = np.insert(self._positions, nearest[is_new], new_positions)

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """Return the positions of rows in memory in the result of `similarities`: int64, of the same shape."""
        return self._positions[np.searchsorted(self._sorted_rows, rows).clip(max=len(self._positions) - 1)]

    def similarities(self, query: np.ndarray) -> np.ndarray:
        """Return the cosine similarities of all rows and a projected query, float32, k: float32, n."""
        key = query.tobytes()
        if key not in self._compared:
            directions, offsets = self._snapshot.fold_into_queries(query[np.newaxis])
            self._compared[key] = (directions[0], offsets[0], [])
        direction, offset, known = self._compared[key]
        known.extend((vectors @ direction - offset) * scales for vectors, scales in self._parts[len(known) :])
        return np.concatenate(known) if known else np.empty(0, np.float32)


class AllRows:
    """All rows of a snapshot, with the methods of `RowCache`. Comparing all is faster than reading many of them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._similarities: dict[bytes, np.ndarray] = {}

    def add(self, rows: np.ndarray) -> None:
        pass

    def positions(self, rows: np.ndarray) -> np.ndarray:
        return rows

    def similarities(self, query: np.ndarray) -> np.ndarray:
        key = query.tobytes()
        if key not in self._similarities:
            self._similarities[key] = similarities(self._snapshot, query[np.newaxis])[:, 0]
        return self._similarities[key]
