"""What one search ranks: the rows that live at a moment, and how they are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.codes import Coder
from catalog.vectors.derived import Derived
from catalog.vectors.projection import Projection
from catalog.vectors.segments import Segment


@dataclass(frozen=True)
class LiveSegment:
    """A segment and which of its rows still stand for an image.

    Attributes:
        live: bool, n; None where every row does.
        derived: codes and scales of its rows; None where rows are compared as they are.
    """

    segment: Segment
    live: np.ndarray | None = None
    derived: Derived | None = None

    def rows(self) -> np.ndarray:
        """Positions of the rows that live: int64."""
        return np.arange(len(self.segment)) if self.live is None else np.flatnonzero(self.live)

    def allowed_rows(self, passing: np.ndarray | None) -> np.ndarray | None:
        """Positions of the live rows that pass a filter: int64; None: all of the segment.

        Args:
            passing: bool: by image id, whether it passes; the last one stands for all ids beyond.
        """
        if passing is None:
            return None if self.live is None else self.rows()
        there = passing.take(self.segment.image_ids, mode="clip")
        return np.flatnonzero(there if self.live is None else there & self.live)


@dataclass(frozen=True)
class Snapshot:
    """The live rows of one feature space, and how they are compared.

    Attributes:
        key: different for what is compared differently: names the space, the projection and the coder.
        projection: None: by plain cosine.
        coder: of the rows' codes; None where there is no projection.
        candidates: how many the codes must choose for the ten best to be among them; None: not measured.
    """

    key: str
    segments: Sequence[LiveSegment]
    projection: Projection | None = None
    coder: Coder | None = None
    candidates: int | None = None

    def allowed_rows(self, image_ids: np.ndarray | None) -> list[np.ndarray | None]:
        """For each segment the rows that live and are of one of these images, as `LiveSegment.allowed_rows` has it."""
        passing = None
        if image_ids is not None:
            passing = np.zeros(image_ids.max(initial=-1) + 2, bool)
            passing[image_ids] = True
        return [part.allowed_rows(passing) for part in self.segments]

    def unfolded(self, sought: np.ndarray) -> tuple[np.ndarray, float]:
        """`Projection.unfolded`, or what stands for it where there is none."""
        return self.projection.unfolded(sought) if self.projection else (sought, 0.0)

    def whitened(self, vectors: np.ndarray) -> np.ndarray:
        """Rows as they are compared, float32, n × d of unit length: the products of two are their scores."""
        return vectors if self.projection is None else self.projection.whitened(vectors)

    def vectors_of(self, image_ids: np.ndarray) -> np.ndarray:
        """The stored descriptors of these images, in their order, without those that are not here: float32, k × d."""
        found: dict[int, np.ndarray] = {}
        for part, rows in zip(self.segments, self.allowed_rows(image_ids), strict=True):
            found |= zip(part.segment.image_ids[rows].tolist(), part.segment.vectors[rows], strict=True)
        return np.array([found[pk] for pk in image_ids.tolist() if pk in found], np.float32)
