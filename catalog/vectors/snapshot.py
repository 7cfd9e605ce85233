"""What one search ranks: the rows that live at a moment, and how they are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.projection import Projection
from catalog.vectors.segments import Segment


@dataclass(frozen=True)
class LiveSegment:
    """A segment and which of its rows still stand for an image.

    Attributes:
        live: bool, n; None where every row does.
        scales: float32, n: `Projection.scales` of its rows; None where rows are compared as they are.
    """

    segment: Segment
    live: np.ndarray | None = None
    scales: np.ndarray | None = None

    def rows(self) -> np.ndarray:
        """Positions of the rows that live: int64."""
        return np.arange(len(self.segment)) if self.live is None else np.flatnonzero(self.live)


@dataclass(frozen=True)
class Snapshot:
    """The live rows of one feature space, and the projection under which they are compared.

    Attributes:
        key: different for what is compared differently: names the space and the projection.
        projection: None: by plain cosine.
    """

    key: str
    segments: Sequence[LiveSegment]
    projection: Projection | None = None

    def whitened(self, vectors: np.ndarray) -> np.ndarray:
        """Rows as they are compared, float32, n × d of unit length: the products of two are their scores."""
        return vectors if self.projection is None else self.projection.whitened(vectors)

    def vectors_of(self, image_ids: np.ndarray) -> np.ndarray:
        """The stored descriptors of these images, in their order, without those that are not here: float32, k × d."""
        found: dict[int, np.ndarray] = {}
        for part in self.segments:
            rows = part.rows()
            rows = rows[np.isin(part.segment.image_ids[rows], image_ids)]
            found |= zip(part.segment.image_ids[rows].tolist(), part.segment.vectors[rows], strict=True)
        return np.array([found[pk] for pk in image_ids.tolist() if pk in found], np.float32)
