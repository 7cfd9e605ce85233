"""Files of what a generation derives from a segment: codes, and neighbour lists.

A file names the segment that it belongs to. It can be built again from the segment at any time, so that a missing or
damaged file is no loss.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from catalog.exceptions import StoreUnavailable
from catalog.vectors import hdf5
from catalog.vectors.hdf5 import Hdf5Arrays
from catalog.vectors.segments import Segment


def write(path: Path, segment: Segment, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays with an element for each row of a segment, atomically.

    Raises:
        StoreUnavailable: the disk is full or read-only, or this user may not write there.
    """
    try:
        hdf5.write(path, arrays, {"segment": segment.checksum})
    except OSError as error:
        raise StoreUnavailable(
            "The index cannot be written to {path}: {error}. "
            "Free some space, or give this user write permission there.",
            path=path,
            error=error.strerror or error,
        ) from error


def read(path: Path, segment: Segment, names: tuple[str, ...]) -> Hdf5Arrays | None:
    """Open a file, memory-mapped. Return None if it is missing, damaged, or belongs to another segment."""
    try:
        file = hdf5.read(path, names)
        same_segment = file.attributes["segment"] == segment.checksum
        complete = all(len(array) == len(segment) for array in file.arrays.values())
    except (OSError, *hdf5.DAMAGE_ERRORS):
        return None
    return file if same_segment and complete else None
