"""Snapshots: the rows that a search ranks, and the parameters for comparing them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.half_precision import as_float32
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.neighbours.row_index import RowIndex
from catalog.vectors.projections.projection import Projection, project


@dataclass(frozen=True)
class Snapshot:
    """The live rows of one feature space, and how they are compared.

    Attributes:
        key: identifies the feature space, the projection and the encoder. Snapshots with the same key compare two rows
            in the same way.
        projection: None compares rows by plain cosine similarity.
        encoder: the encoder of the rows' codes; None without codes.
        candidates: the number of candidates that the Hamming stage needs to contain the ten best hits; None if it has
            not been measured.
        augmented: whether neighbours take part in the ranking. See `neighbours.augmentation`.
        row_index: numbers the rows of all segments. By default a new one. One of other rows is not used.
    """

    key: str
    segments: Sequence[LiveSegment]
    projection: Projection | None = None
    encoder: BinaryEncoder | None = None
    candidates: int | None = None
    augmented: bool = True
    row_index: RowIndex = field(default=None, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        row_index = RowIndex(self.segments) if self.row_index is None else self.row_index.reuse_for(self.segments)
        object.__setattr__(self, "row_index", row_index)

    @property
    def has_neighbours(self) -> bool:
        """Whether the ranking uses neighbours, and some rows have them."""
        return self.augmented and any(live_segment.neighbours is not None for live_segment in self.segments)

    @property
    def dimensions(self) -> int:
        """The number of dimensions in which rows are compared; 0 without segments."""
        return self.stored_dimensions if self.projection is None else self.projection.dimensions

    @property
    def stored_dimensions(self) -> int:
        """The number of dimensions of the stored descriptors; 0 without segments."""
        return self.segments[0].segment.vectors.shape[1] if self.segments else 0

    def allowed_rows(self, image_ids: np.ndarray | None) -> list[np.ndarray | None]:
        """Return for each segment the live rows of these images, as `LiveSegment.allowed_rows` does.

        Args:
            image_ids: int64, in any order; None stands for all images.
        """
        allowed_mask = None
        if image_ids is not None:
            allowed_mask = np.zeros(image_ids.max(initial=-1) + 2, bool)
            allowed_mask[image_ids] = True
        return [live_segment.allowed_rows(allowed_mask) for live_segment in self.segments]

    def count_rows(self, rows: Sequence[np.ndarray | None]) -> int:
        """Count the rows that `allowed_rows` returned."""
        return sum(
            len(live_segment.segment) if segment_rows is None else len(segment_rows)
            for live_segment, segment_rows in zip(self.segments, rows, strict=True)
        )

    def number_rows(self, rows: Sequence[np.ndarray | None]) -> np.ndarray:
        """Return the rows that `allowed_rows` returned as numbers of `row_index`, in ascending order: int64, n."""
        offsets = self.row_index.offsets
        numbered = [
            np.arange(offsets[number], offsets[number + 1]) if segment_rows is None else offsets[number] + segment_rows
            for number, segment_rows in enumerate(rows)
        ]
        return np.concatenate(numbered) if numbered else np.empty(0, np.int64)

    def fold_into_queries(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Projection.fold_into_queries`; without projection the queries themselves and offsets of 0."""
        if self.projection is None:
            return queries, np.zeros(len(queries), np.float32)
        return self.projection.fold_into_queries(queries)

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Return rows as they are compared: float32, n × k, of unit length. Similarities are their dot products."""
        return project(self.projection, vectors)

    def scales(self, rows: np.ndarray) -> np.ndarray:
        """Return the inverse lengths of projected rows of `row_index`: float32, n; 1 without projection."""
        scales = np.ones(len(rows), np.float32)
        for number, positions, segment_rows in self.row_index.split(rows):
            derived = self.segments[number].codes_and_scales
            if derived is not None:
                scales[positions] = derived.scales[segment_rows]
        return scales

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return the stored descriptors of rows of `row_index`: float32, n × d."""
        stored = np.empty((len(rows), self.stored_dimensions), np.float32)
        for number, positions, segment_rows in self.row_index.split(rows):
            stored[positions] = as_float32(self.segments[number].segment.vectors[segment_rows])
        return stored

    def vectors_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the stored descriptors of images in this order, float32, k × d. Images without one are omitted."""
        rows = self.row_index.rows_of(image_ids)
        return self.vectors(rows[rows >= 0])

    def neighbours_of(self, rows: np.ndarray) -> NeighbourLists:
        """Return the neighbour lists of rows of `row_index`; empty ones where they are not made yet."""
        lists = NeighbourLists.empty(len(rows))
        for number, positions, segment_rows in self.row_index.split(rows):
            stored = self.segments[number].neighbours
            if stored is not None:
                lists.image_ids[positions] = stored.image_ids[segment_rows]
                lists.similarities[positions] = stored.similarities[segment_rows]
                lists.inverse_norms[positions] = stored.inverse_norms[segment_rows]
        return lists
