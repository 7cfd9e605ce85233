"""Snapshots: the rows that a search ranks, and the parameters for comparing them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.binary_codes import BinaryEncoder
from catalog.vectors.code_files import CodesAndScales
from catalog.vectors.segments import Segment
from catalog.vectors.whitening import Whitening


@dataclass(frozen=True)
class LiveSegment:
    """A segment of n rows with its live rows. A row is live while its image is in the catalogue.

    Attributes:
        live_mask: bool, n; None if all rows are live.
        codes_and_scales: the codes and scales of the rows; None without whitening.
    """

    segment: Segment
    live_mask: np.ndarray | None = None
    codes_and_scales: CodesAndScales | None = None

    def rows(self) -> np.ndarray:
        """Return the positions of the live rows: int64."""
        return np.arange(len(self.segment)) if self.live_mask is None else np.flatnonzero(self.live_mask)

    def allowed_rows(self, allowed_mask: np.ndarray | None) -> np.ndarray | None:
        """Return the positions of the live rows that pass a filter, int64; None means all rows of the segment.

        Args:
            allowed_mask: bool, indexed by image id: whether the image passes. The last element applies to all larger
                ids. None lets all images pass.
        """
        if allowed_mask is None:
            return None if self.live_mask is None else self.rows()
        row_mask = allowed_mask.take(self.segment.image_ids, mode="clip")
        return np.flatnonzero(row_mask if self.live_mask is None else row_mask & self.live_mask)


@dataclass(frozen=True)
class Snapshot:
    """The live rows of one feature space, and how they are compared.

    Attributes:
        key: identifies the feature space, the whitening and the encoder. Snapshots with the same key give two rows
            the same score.
        whitening: None compares rows by plain cosine similarity.
        encoder: the encoder of the rows' codes; None without whitening.
        candidates: the number of candidates that the Hamming stage needs to contain the ten best hits; None if it has
            not been measured.
    """

    key: str
    segments: Sequence[LiveSegment]
    whitening: Whitening | None = None
    encoder: BinaryEncoder | None = None
    candidates: int | None = None

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

    def fold_into_query(self, query_vector: np.ndarray) -> tuple[np.ndarray, float]:
        """As `Whitening.fold_into_query`; without whitening the query itself and an offset of 0."""
        return self.whitening.fold_into_query(query_vector) if self.whitening else (query_vector, 0.0)

    def whiten(self, vectors: np.ndarray) -> np.ndarray:
        """Return rows as they are compared: float32, n × d, of unit length. Scores are their dot products."""
        return vectors if self.whitening is None else self.whitening.whiten(vectors)

    def vectors_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the stored descriptors of images in this order, float32, k × d. Images without one are omitted."""
        vector_by_id: dict[int, np.ndarray] = {}
        for live_segment, rows in zip(self.segments, self.allowed_rows(image_ids), strict=True):
            vector_by_id |= zip(
                live_segment.segment.image_ids[rows].tolist(), live_segment.segment.vectors[rows], strict=True
            )
        return np.array(
            [vector_by_id[image_id] for image_id in image_ids.tolist() if image_id in vector_by_id], np.float32
        )
