"""Segments: immutable HDF5 files of descriptors, read through memory maps.

A segment has three contiguous, page-aligned datasets of n rows: `vectors` (float16, n × d, each row of unit length),
`image_ids` (int64, n) and `digests` (uint8, n × 32: the SHA-256 of each original). Its header (`hdf5`) contains the
feature space and the digests of the three datasets, so that an index can be verified and repaired from the files alone.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.exceptions import SegmentDamaged, StoreUnavailable
from catalog.vectors import hdf5
from catalog.vectors.hdf5 import Digests, Hdf5Arrays

FORMAT = "imagesearch segment 3"
# The formats that can be read. In the first one, vectors are float32; the first two have no header.
READABLE_FORMATS = ("imagesearch segment 1", "imagesearch segment 2", FORMAT)
VECTOR_DTYPES = (np.float16, np.float32)
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
        checksum: identifies the contents: see `Hdf5Arrays`.
    """

    path: Path
    vectors: np.ndarray
    image_ids: np.ndarray
    digests: np.ndarray
    space: str
    checksum: str

    def __len__(self) -> int:
        return len(self.image_ids)


def write(path: Path, *, space: str, vectors: np.ndarray, image_ids: np.ndarray, digests: np.ndarray) -> Digests:
    """Write a segment atomically and durably, and return its digests.

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
        return _to_segment(path, _read(path))


def verify(path: Path, checksum: str | None = None, digest: str = "") -> Segment:
    """Open a segment, read all of it and compare it with what was written.

    Args:
        checksum: the expected checksum; None for the one that the file names.
        digest: the expected SHA-256 (hex) of the file; empty for the one that the file names.

    Raises:
        SegmentDamaged: the file is missing or truncated, or a byte has changed.
        StoreUnavailable: the system cannot read the file.
    """
    with _translate_errors(path):
        file = _read(path)
        is_intact = hdf5.compute_digest(path) == digest if digest else hdf5.is_intact(path, file)
        if not is_intact or checksum not in (None, file.checksum):
            raise ValueError("its content has changed since it was written")
        return _to_segment(path, file)


def _read(path: Path) -> Hdf5Arrays:
    """Open a file and check that it has the form of a segment. Raises like `hdf5.read`."""
    file = hdf5.read(path, ("vectors", "image_ids", "digests"))
    if file.attributes["format"] not in READABLE_FORMATS:
        raise ValueError(f"its format is {file.attributes['format']!r}, not {FORMAT!r}")
    vectors, image_ids, digests = (file.arrays[name] for name in ("vectors", "image_ids", "digests"))
    if not len(vectors) == len(image_ids) == len(digests):
        raise ValueError("its datasets differ in length")
    if vectors.dtype not in VECTOR_DTYPES or image_ids.dtype != np.int64 or digests.dtype != np.uint8:
        raise ValueError("its datasets have other types than those of a segment")
    if (vectors.ndim, image_ids.ndim, digests.shape[1:]) != (2, 1, (32,)):
        raise ValueError("its datasets have other shapes than those of a segment")
    # Searches look up rows by these ids, so they are checked whenever a file is opened.
    if not file.has_intact("image_ids") or image_ids.min() < 1:
        raise ValueError("its image ids have changed since it was written")
    return file


def _to_segment(path: Path, file: Hdf5Arrays) -> Segment:
    return Segment(
        path=path,
        vectors=file.arrays["vectors"],
        image_ids=np.array(file.arrays["image_ids"]),
        digests=file.arrays["digests"],
        space=file.attributes["space"],
        checksum=file.checksum,
    )


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    """Raise SegmentDamaged or StoreUnavailable instead of the errors of the system, of `hdf5` and of NumPy."""
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
    except hdf5.DAMAGE_ERRORS as error:
        raise SegmentDamaged("The segment {name} is damaged: {error}.", name=path.name, error=error) from error
