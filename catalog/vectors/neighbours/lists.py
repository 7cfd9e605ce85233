"""Neighbour lists: for each row of a segment the images most similar to it, as files beside the codes.

Like codes, the lists are derived from the segments and can be built again at any time, so that a missing or damaged
file is no loss. A file is replaced as a whole when the lists change.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.exceptions import StoreUnavailable
from catalog.vectors import hdf5
from catalog.vectors.segments import Segment

LIST_LENGTH = 10
# Images with a higher id have no place in the lists, which store ids as uint32.
MAX_IMAGE_ID = 2**32 - 1


@dataclass(frozen=True)
class NeighbourLists:
    """The lists of the n rows of a segment. A list takes 64 bytes.

    Attributes:
        image_ids: uint32, n × LIST_LENGTH, most similar first; 0 where there are fewer.
        similarities: float16, n × LIST_LENGTH: the cosine similarities of the projected descriptors.
        inverse_norms: float32, n: see `augmentation.augmented_vectors`. 0 for a row whose list is not made yet.
    """

    image_ids: np.ndarray
    similarities: np.ndarray
    inverse_norms: np.ndarray

    @classmethod
    def empty(cls, count: int) -> "NeighbourLists":
        """Return lists of `count` rows that are not made yet."""
        return cls(
            np.zeros((count, LIST_LENGTH), np.uint32),
            np.zeros((count, LIST_LENGTH), np.float16),
            np.zeros(count, np.float32),
        )

    def copy(self) -> "NeighbourLists":
        """Return lists in memory that can be changed."""
        return NeighbourLists(*(np.array(array) for array in self.arrays().values()))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "image_ids": self.image_ids,
            "similarities": self.similarities,
            "inverse_norms": self.inverse_norms,
        }


def open_lists(path: Path, segment: Segment) -> NeighbourLists | None:
    """Open a file of lists, memory-mapped. Return None if it is missing, damaged, or belongs to another segment."""
    file = _read(path, segment)
    return NeighbourLists(**file.arrays) if file else None


def is_intact(path: Path, segment: Segment) -> bool:
    """Return whether the file at `path` belongs to this segment and no byte of its lists has changed."""
    file = _read(path, segment)
    return file is not None and hdf5.compute_checksum(file.arrays.values()) == file.checksum


def write(path: Path, segment: Segment, lists: NeighbourLists) -> None:
    """Write a file of lists atomically.

    Raises:
        StoreUnavailable: the disk is full or read-only, or this user may not write there.
    """
    try:
        hdf5.write(path, lists.arrays(), {"segment": segment.checksum})
    except OSError as error:
        raise StoreUnavailable(
            "The index cannot be written to {path}: {error}. "
            "Free some space, or give this user write permission there.",
            path=path,
            error=error.strerror or error,
        ) from error


def _read(path: Path, segment: Segment) -> hdf5.Hdf5Arrays | None:
    expected = NeighbourLists.empty(0).arrays()
    try:
        file = hdf5.read(path, tuple(expected))
        same_segment = file.attributes["segment"] == segment.checksum
        complete = all(
            file.arrays[name].shape == (len(segment), *array.shape[1:]) and file.arrays[name].dtype == array.dtype
            for name, array in expected.items()
        )
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError):
        return None
    return file if same_segment and complete else None
