"""Building the neighbour graph: finding the nearest rows of many rows at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catalog.vectors.codes import hamming
from catalog.vectors.half_precision import as_float32
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.lists import LIST_LENGTH, MAX_IMAGE_ID, NeighbourLists
from catalog.vectors.similarity import similarities
from catalog.vectors.snapshot import Snapshot

# Up to this number of rows, comparing all of them is as fast as selecting candidates by their codes.
MAX_EXACT_ROWS = 20_000
# Candidates of a row, for codes of 256 bits; shorter codes need more.
CANDIDATES, CODE_BITS = 256, 256
BATCH_ROWS = 256

# Returns positions in the searched rows, and cosine similarities: int64 and float32, q × c.
Candidates = tuple[np.ndarray, np.ndarray]


@dataclass
class NeighbourFinder:
    """Finds the nearest live rows of rows of a snapshot.

    Attributes:
        threads: how many threads compare codes.
    """

    snapshot: Snapshot
    threads: int = 1

    def __post_init__(self) -> None:
        allowed = self.snapshot.allowed_rows(None)
        self.rows = self.snapshot.number_rows(allowed)
        self.image_ids = self.snapshot.row_index.image_ids(self.rows)
        self._uses_codes = self.snapshot.encoder is not None and len(self.rows) > MAX_EXACT_ROWS
        self._codes = hamming.codes_of(self.snapshot, allowed) if self._uses_codes else None

    def find(self, rows: np.ndarray, progress: Callable[[int], None] = lambda done: None) -> NeighbourLists:
        """Return the lists of rows, int64, n, in ascending order, without their `inverse_norms`.

        Args:
            progress: called with the number of rows that are done.
        """
        lists = NeighbourLists.empty(len(rows))
        for start in range(0, len(rows), BATCH_ROWS):
            batch = slice(start, start + BATCH_ROWS)
            lists.image_ids[batch], lists.similarities[batch] = self._nearest(rows[batch])
            progress(min(start + BATCH_ROWS, len(rows)))
        return lists

    def _nearest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return image ids, uint32, and similarities, float16, q × LIST_LENGTH."""
        queries = self.snapshot.project(self.snapshot.vectors(rows))
        positions, cosines = self._compare_codes(queries) if self._codes is not None else self._compare_all(queries)
        ids = self.image_ids[positions]
        excluded = (ids == self.snapshot.row_index.image_ids(rows)[:, np.newaxis]) | (ids > MAX_IMAGE_ID)
        cosines = np.where(excluded, -np.inf, cosines)
        count = min(LIST_LENGTH, cosines.shape[1])
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(cosines, best, 1), axis=1, kind="stable"), 1)
        nearest_ids, nearest_cosines = np.take_along_axis(ids, best, 1), np.take_along_axis(cosines, best, 1)
        present = np.isfinite(nearest_cosines)
        lists = NeighbourLists.empty(len(rows))
        lists.image_ids[:, :count] = np.where(present, nearest_ids, 0)
        lists.similarities[:, :count] = np.where(present, nearest_cosines, 0)
        return lists.image_ids, lists.similarities

    def _compare_all(self, queries: np.ndarray) -> Candidates:
        cosines = similarities(self.snapshot, queries)[self.rows].T
        return np.broadcast_to(np.arange(len(self.rows)), cosines.shape), cosines

    def _compare_codes(self, queries: np.ndarray) -> Candidates:
        encoder, codes = self.snapshot.encoder, self._codes
        assert encoder is not None and codes is not None  # noqa: S101, the caller checks it
        count = min(max(CANDIDATES, CANDIDATES * CODE_BITS // encoder.bits), len(self.rows))
        positions = hamming.nearest_of_many(encoder.encode(queries), codes, count, threads=self.threads)
        return positions, self._pair_similarities(queries, positions)

    def _pair_similarities(self, queries: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the similarities of each query and its candidates: float32, q × c."""
        directions, offsets = self.snapshot.fold_into_queries(queries)
        query_numbers = np.repeat(np.arange(len(queries)), positions.shape[1])
        order = np.argsort(positions.ravel(), kind="stable")
        query_numbers, rows = query_numbers[order], self.rows[positions.ravel()[order]]
        sorted_cosines = np.empty(len(rows), np.float32)
        for number, part, segment_rows in self.snapshot.row_index.split(rows):
            live_segment, numbers = self.snapshot.segments[number], query_numbers[part]
            vectors = as_float32(live_segment.segment.vectors[segment_rows])
            products = np.einsum("pd,pd->p", vectors, directions[numbers]) - offsets[numbers]
            derived = live_segment.codes_and_scales
            sorted_cosines[part] = products if derived is None else products * derived.scales[segment_rows]
        cosines = np.empty(len(rows), np.float32)
        cosines[order] = sorted_cosines
        return cosines.reshape(positions.shape)


def insert(lists: NeighbourLists, rows: np.ndarray, image_ids: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Insert images into lists in which they are among the most similar. Return the rows of the changed lists.

    Args:
        lists: lists of a segment, in memory.
        rows: the list to insert each image into, a row of the segment: int64, n.
        image_ids: int64, n.
        cosines: the similarity of each image and the image of the row: float32, n.
    """
    changed = set()
    for row, image_id, cosine in zip(rows.tolist(), image_ids.tolist(), cosines.astype(np.float16), strict=True):
        ids, similarities_of_row = lists.image_ids[row], lists.similarities[row]
        is_free = ids == 0
        if image_id in ids or not (is_free.any() or cosine > similarities_of_row[-1]):
            continue
        position = int(np.count_nonzero(~is_free & (similarities_of_row >= cosine)))
        for values, value in ((ids, image_id), (similarities_of_row, cosine)):
            values[position + 1 :] = values[position:-1].copy()
            values[position] = value
        changed.add(row)
    return np.array(sorted(changed), np.int64)


def compute_inverse_norms(snapshot: Snapshot, rows: np.ndarray, lists: NeighbourLists) -> np.ndarray:
    """Return 1 / |row with its neighbours added| for the lists of rows, int64, n, in ascending order: float32, n."""
    result = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BATCH_ROWS):
        batch = slice(start, start + BATCH_ROWS)
        part = NeighbourLists(*(array[batch] for array in lists.arrays().values()))
        summed = augmentation.add_neighbours(snapshot, rows[batch], part, augmentation.weights(part.similarities))
        result[batch] = 1 / np.maximum(np.linalg.norm(summed, axis=1), np.finfo(np.float32).tiny)
    return result
