"""Segments: immutable HDF5 files of descriptors, read through memory maps.

A segment has three contiguous, page-aligned datasets of n rows: `vectors` (float16, n × d, each row of unit length),
`image_ids` (int64, n) and `digests` (uint8, n × 32: the SHA-256 of each original). Its attributes contain the feature
space and the checksum of the three datasets, so that an index can be verified and repaired from the files alone.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.exceptions import SegmentDamaged, StoreUnavailable
from catalog.vectors import hdf5

FORMAT = "imagesearch segment 2"
# The formats that can be read. In the first one, vectors are float32.
READABLE_FORMATS = ("imagesearch segment 1", FORMAT)
# Errors of the machine. They do not mean that the file is damaged.
SYSTEM_ERRNOS = {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM, errno.ESTALE}


@dataclass(frozen=True)
class Segment:
    """An open segment.

    Attributes:
        vectors: the descriptors, float16 or float32, n × d, memory-mapped.
        image_ids: int64, n, in memory.
        digests: the SHA-256 of the originals, uint8, n × 32, memory-mapped.
        space: the feature space as JSON text.
        checksum: the SHA-256 (hex) of the bytes of the three datasets, in this order.
    """

    path: Path
    vectors: np.ndarray
    image_ids: np.ndarray
    digests: np.ndarray
    space: str
    checksum: str

    def __len__(self) -> int:
        return len(self.image_ids)


def write(path: Path, *, space: str, vectors: np.ndarray, image_ids: np.ndarray, digests: np.ndarray) -> str:
    """Write a segment atomically and durably, and return its checksum.

    Args:
        vectors: float16 or float32, n × d, n ≥ 1, each row of unit length. They are rounded to float16.
        image_ids: int64, n.
        digests: uint8, n × 32.

    Raises:
        StoreUnavailable: the disk is full or read-only, or this user may not write there.
    """
    datasets: dict[str, np.ndarray] = {
        "vectors": np.ascontiguousarray(vectors, np.float16),
        "image_ids": np.ascontiguousarray(image_ids, np.int64),
        "digests": np.ascontiguousarray(digests, np.uint8),
    }
    try:
        return hdf5.write(path, datasets, {"format": FORMAT, "space": space})
    except OSError as error:
        raise StoreUnavailable(
            "Descriptors cannot be written to {path}: {error}. "
            "Free some space, or give this user write permission there.",
            path=path,
            error=error.strerror or error,
        ) from error


def open_segment(path: Path) -> Segment:
    """Open a segment. This takes a few small reads, however many rows it has.

    Raises:
        SegmentDamaged: the file is missing or truncated, or is not a segment.
        StoreUnavailable: the system cannot read the file; the file itself may be intact.
    """
    with _translate_errors(path):
        file = hdf5.read(path, ("vectors", "image_ids", "digests"))
        if file.attributes["format"] not in READABLE_FORMATS:
            raise ValueError(f"its format is {file.attributes['format']!r}, not {FORMAT!r}")
        segment = Segment(
            path=path,
            vectors=file.arrays["vectors"],
            image_ids=np.array(file.arrays["image_ids"]),
            digests=file.arrays["digests"],
            space=file.attributes["space"],
            checksum=file.checksum,
        )
        if not len(segment.vectors) == len(segment.image_ids) == len(segment.digests):
            raise ValueError("its datasets differ in length")
        return segment


def verify(path: Path, checksum: str) -> Segment:
    """Open a segment, read all of it and compare its checksum with the expected `checksum`.

    Raises:
        SegmentDamaged: the file is missing or truncated, or a byte of its datasets has changed.
        StoreUnavailable: the system cannot read the file.
    """
    segment = open_segment(path)
    with _translate_errors(path):
        actual_checksum = hdf5.compute_checksum((segment.vectors, segment.image_ids, segment.digests))
        if not actual_checksum == segment.checksum == checksum:
            raise ValueError("its content has changed since it was written")
    return segment


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Raise SegmentDamaged or StoreUnavailable instead of the errors of the system, h5py and NumPy."""
    try:
        yield
    except FileNotFoundError as error:
        raise SegmentDamaged("The segment {name} is missing.", name=path.name) from error
    except OSError as error:
        if error.errno in SYSTEM_ERRNOS:
            raise StoreUnavailable(
                "The segment {name} cannot be read: {error}.", name=path.name, error=error
            ) from error
        raise SegmentDamaged("The segment {name} is damaged: {error}.", name=path.name, error=error) from error
    # h5py and NumPy raise these for a file that is truncated or is not HDF5.
    except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise SegmentDamaged("The segment {name} is damaged: {error}.", name=path.name, error=error) from error
