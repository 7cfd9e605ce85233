"""Neighbour lists: for each row of a segment the images most similar to it, as files beside the codes.

A file is replaced as a whole when the lists change.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.vectors import derived_files, hdf5
from catalog.vectors.hdf5 import Hdf5Arrays
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
        """Return the three arrays by name."""
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
    """Return whether the file at `path` belongs to this segment and no byte of it has changed."""
    file = _read(path, segment)
    return file is not None and hdf5.is_intact(path, file)


def write(path: Path, segment: Segment, lists: NeighbourLists) -> None:
    """Write a file of lists atomically. Raises StoreUnavailable."""
    derived_files.write(path, segment, lists.arrays())


def _read(path: Path, segment: Segment) -> Hdf5Arrays | None:
    expected = NeighbourLists.empty(0).arrays()
    file = derived_files.read(path, segment, tuple(expected))
    has_same_types = file is not None and all(
        file.arrays[name].shape[1:] == array.shape[1:] and file.arrays[name].dtype == array.dtype
        for name, array in expected.items()
    )
    return file if has_same_types else None
