"""Segments as a search sees them: with their live rows, and with what a generation derives from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.vectors.codes.code_files import CodesAndScales
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.segments import Segment


@dataclass(frozen=True)
class LiveSegment:
    """A segment of n rows with its live rows. A row is live while its image is in the catalogue.

    Attributes:
        live_mask: bool, n; None if all rows are live.
        codes_and_scales: the codes and scales of the rows; None without codes.
        neighbours: the neighbour lists of the rows; None if they are not made yet.
    """

    segment: Segment
    live_mask: np.ndarray | None = None
    codes_and_scales: CodesAndScales | None = None
    neighbours: NeighbourLists | None = None

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


def have_same_rows(first: Sequence[LiveSegment], second: Sequence[LiveSegment]) -> bool:
    """Return whether two lists of segments have the same live rows in the same order, as opened by this process."""
    return len(first) == len(second) and all(
        one.segment is other.segment and one.live_mask is other.live_mask
        for one, other in zip(first, second, strict=True)
    )
