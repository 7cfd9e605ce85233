"""The rows of a snapshot under one numbering, and where each image is."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from catalog.vectors.live_segment import LiveSegment, have_same_rows

# A table by id may have this many elements for each row, and for each of at least MIN_DENSE_ROWS.
MAX_IDS_PER_ROW, MIN_DENSE_ROWS = 8, 100_000


class RowIndex:
    """Numbers the rows of several segments consecutively, from 0, and finds the live row of an image.

    The table by image id, int32, is built at the first use. It takes four bytes for each id up to the highest; where
    few of these ids are in use, ids are searched in ascending order instead.

    Attributes:
        segments: the segments, s.
        offsets: the number of the first row of each segment, and the number of all rows: int64, s + 1.
    """

    def __init__(self, segments: Sequence[LiveSegment]) -> None:
        self.segments = segments
        self.offsets = np.cumsum([0, *(len(live_segment.segment) for live_segment in segments)])

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def reuse_for(self, segments: Sequence[LiveSegment]) -> "RowIndex":
        """Return the index of these segments: this one, if its rows are the same."""
        return self if have_same_rows(self.segments, segments) else RowIndex(segments)

    def image_ids(self, rows: np.ndarray) -> np.ndarray:
        """Return the image ids of rows, int64, n."""
        ids = np.empty(len(rows), np.int64)
        for number, positions, segment_rows in self.split(rows):
            ids[positions] = self.segments[number].segment.image_ids[segment_rows]
        return ids

    def rows_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the live row of each image: int32, of the same shape; -1 for images without one."""
        if self._is_dense:
            return self._row_by_id.take(image_ids, mode="clip")
        ids, rows = self._sorted
        positions = np.searchsorted(ids, image_ids).clip(max=len(ids) - 1)
        return np.where(ids[positions] == image_ids, rows[positions], np.int32(-1))

    def split(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray | slice, np.ndarray]]:
        """Yield the number of each segment with some of `rows`, their positions in `rows`, and in the segment."""
        if len(self.offsets) == 2:
            yield 0, slice(None), rows
        elif (rows[1:] >= rows[:-1]).all():
            bounds = np.searchsorted(rows, self.offsets).tolist()
            for number, (start, stop) in enumerate(pairwise(bounds)):
                if start < stop:
                    yield number, slice(start, stop), rows[start:stop] - self.offsets[number]
        else:
            numbers = np.searchsorted(self.offsets, rows, side="right") - 1
            for number in np.flatnonzero(np.bincount(numbers)).tolist():
                positions = np.flatnonzero(numbers == number)
                yield number, positions, rows[positions] - self.offsets[number]

    @cached_property
    def _max_id(self) -> int:
        return max((int(live_segment.segment.image_ids.max()) for live_segment in self.segments), default=0)

    @property
    def _is_dense(self) -> bool:
        return self._max_id <= MAX_IDS_PER_ROW * max(len(self), MIN_DENSE_ROWS)

    @cached_property
    def _row_by_id(self) -> np.ndarray:
        table = np.full(self._max_id + 2, -1, np.int32)  # the last element is for all larger ids
        for ids, rows in self._live_rows():
            table[ids] = rows
        return table

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all images in ascending order, int64, and their rows, int32; first -1, which no image has."""
        no_image = np.array([-1])
        ids, rows = (np.concatenate(arrays) for arrays in zip((no_image, no_image), *self._live_rows(), strict=True))
        order = np.argsort(ids)
        return ids[order], rows[order].astype(np.int32)

    def _live_rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for live_segment, offset in zip(self.segments, self.offsets, strict=False):
            rows = live_segment.rows()
            yield live_segment.segment.image_ids[rows], offset + rows
