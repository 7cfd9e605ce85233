"""Segments: immutable HDF5 files of descriptors, read through memory maps.

A segment holds three contiguous, page-aligned datasets of n rows: `vectors` (float32, n × d, each row of
unit length), `image_ids` (int64, n) and `digests` (uint8, n × 32: the SHA-256 of each original). Its
attributes name the feature space and the checksum of the three, so that a catalogue's index can be
verified, and repaired, from the files alone.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.exceptions import SegmentDamaged, StoreUnavailable
from catalog.vectors import arrays

FORMAT = "imagesearch segment 1"
# What the machine refuses says nothing about the file.
NO_DAMAGE = {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM, errno.ESTALE}


@dataclass(frozen=True)
class Segment:
    """An open segment.

    Attributes:
        vectors: float32, n × d, memory-mapped.
        image_ids: int64, n, in memory.
        digests: uint8, n × 32, memory-mapped.
        space: the feature space as JSON text.
        checksum: SHA-256 (hex) of the bytes of the three datasets, in that order.
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
    """Write a segment so that it is at `path` whole and durable, or not at all. Returns its checksum.

    Args:
        vectors: float32, n × d, n ≥ 1.
        image_ids: int64, n.
        digests: uint8, n × 32.

    Raises:
        StoreUnavailable: the disk is full, read-only, or not ours to write.
    """
    rows: dict[str, np.ndarray] = {
        "vectors": np.ascontiguousarray(vectors, np.float32),
        "image_ids": np.ascontiguousarray(image_ids, np.int64),
        "digests": np.ascontiguousarray(digests, np.uint8),
    }
    try:
        return arrays.write(path, rows, {"format": FORMAT, "space": space})
    except OSError as fault:
        raise StoreUnavailable(
            "Descriptors cannot be written to {path}: {fault}. "
            "Free some space, or give this user the right to write there.",
            path=path,
            fault=fault.strerror or fault,
        ) from fault


def open_segment(path: Path) -> Segment:
    """Open a segment for reading: a few small reads, however many rows it has.

    Raises:
        SegmentDamaged: the file is missing, truncated, or no segment.
    """
    with _damage_named(path):
        found = arrays.read(path, ("vectors", "image_ids", "digests"))
        if found.attributes["format"] != FORMAT:
            raise ValueError(f"its format is {found.attributes['format']!r}")
        segment = Segment(
            path=path,
            vectors=found.arrays["vectors"],
            image_ids=np.array(found.arrays["image_ids"]),
            digests=found.arrays["digests"],
            space=found.attributes["space"],
            checksum=found.checksum,
        )
        if not len(segment.vectors) == len(segment.image_ids) == len(segment.digests):
            raise ValueError("its datasets differ in length")
        return segment


def verify(path: Path, checksum: str) -> Segment:
    """Open a segment and read all of it against the `checksum` it should have.

    Raises:
        SegmentDamaged: missing, truncated, or any byte of its rows has changed.
    """
    segment = open_segment(path)
    with _damage_named(path):
        found = arrays.checksum_of((segment.vectors, segment.image_ids, segment.digests))
        if not found == segment.checksum == checksum:
            raise ValueError("its content has changed since it was written")
    return segment


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as fault:
        raise SegmentDamaged("The segment {name} is missing.", name=path.name) from fault
    except OSError as fault:
        if fault.errno in NO_DAMAGE:
            raise StoreUnavailable(
                "The segment {name} cannot be read: {fault}.", name=path.name, fault=fault
            ) from fault
        raise SegmentDamaged("The segment {name} is damaged: {fault}.", name=path.name, fault=fault) from fault
    # What h5py and NumPy raise for a file that is truncated or no HDF5 at all.
    except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as fault:
        raise SegmentDamaged("The segment {name} is damaged: {fault}.", name=path.name, fault=fault) from fault
