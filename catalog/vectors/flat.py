"""One flat HDF5 file of descriptors and names, to hand to other programs and to take from them.

It has the two datasets that the popular tutorial of this kind of search writes, `dataset_1` (float, n × d) and
`dataset_2` (names, n), so that what reads the tutorial's file reads ours. Ours holds `digests` (uint8, n × 32: the
SHA-256 of each original) as well, and its attributes name the format and the feature space.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from catalog.durability import whole_file
from catalog.exceptions import FeaturesRefused

FORMAT = "imagesearch features 1"
VECTORS, NAMES, DIGESTS = "dataset_1", "dataset_2", "digests"
# Rows that are read or written at once.
PIECE = 8192


class Piece(NamedTuple):
    """Rows of a file.

    Attributes:
        first: position of the first.
        vectors: float32, n × d.
        names: n.
        digests: n, SHA-256 in hex; None in the tutorial's files.
    """

    first: int
    vectors: np.ndarray
    names: list[str]
    digests: list[str] | None


class FlatFile:
    """An open file.

    Attributes:
        space: the feature space as JSON text; None in the tutorial's files.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._vectors, self._names, self._digests = (file.get(name) for name in (VECTORS, NAMES, DIGESTS))
        self._path = path
        self.space = file.attrs.get("space")
        self._check()

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def dimensions(self) -> int:
        return int(self._vectors.shape[1])

    def pieces(self) -> Iterator[Piece]:
        """All rows, in their order, vectors at unit length. Raises FeaturesRefused: a vector is none."""
        for start in range(0, len(self), PIECE):
            rows = slice(start, start + PIECE)
            vectors = np.asarray(self._vectors[rows], np.float64)
            lengths = np.linalg.norm(vectors, axis=1)
            names = [_text(name) for name in self._names[rows]]
            for place in np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))[:1].tolist():
                raise FeaturesRefused(
                    "Row {row} of {path} ({name}) is no descriptor: it holds {what}. Nothing of the file was taken.",
                    row=start + place,
                    path=self._path,
                    name=names[place],
                    what="only zeros" if lengths[place] == 0 else "numbers that are not finite",
                )
            digests = None if self._digests is None else [bytes(one).hex() for one in self._digests[rows]]
            yield Piece(start, (vectors / lengths[:, np.newaxis]).astype(np.float32), names, digests)

    def _check(self) -> None:
        if not (isinstance(self._vectors, h5py.Dataset) and isinstance(self._names, h5py.Dataset)):
            raise self._refused("it has no datasets dataset_1 (descriptors) and dataset_2 (names)")
        if self._vectors.ndim != 2 or self._vectors.dtype.kind != "f":
            raise self._refused("its dataset_1 is not a matrix of floating-point numbers")
        if self._names.shape != self._vectors.shape[:1] or self._names.dtype.kind not in "SO":
            raise self._refused("its dataset_2 does not hold a name for each row of dataset_1")
        if self._digests is not None and self._digests.shape != (len(self._vectors), 32):
            raise self._refused("its digests are not 32 bytes for each row of dataset_1")

    def _refused(self, why: str) -> FeaturesRefused:
        return FeaturesRefused("{path} is not a file of features: {why}.", path=self._path, why=why)


@contextmanager
def open_flat(path: Path) -> Iterator[FlatFile]:
    """Open a file for reading.

    Raises:
        FeaturesRefused: it is no HDF5, or holds something else, or is damaged.
        OSError: the disk refuses; FileNotFoundError among others.
    """
    path.open("rb").close()  # what the disk refuses is told in its own words, not in HDF5's
    try:
        with h5py.File(path, "r") as file:
            yield FlatFile(file, path)
    # What h5py raises for a file that is truncated, or no HDF5 at all.
    except (OSError, RuntimeError, KeyError) as fault:
        raise FeaturesRefused("{path} cannot be read as HDF5: {fault}.", path=path, fault=fault) from fault


def write(path: Path, pieces: Iterable[Piece], *, dimensions: int, space: str) -> int:
    """Write a file so that it is at `path` whole, or not at all; how many rows it has. Raises OSError."""
    with whole_file(path) as draft, h5py.File(draft, "w") as file:
        vectors = _growing(file, VECTORS, (dimensions,), np.dtype(np.float32))
        names = _growing(file, NAMES, (), h5py.string_dtype("utf-8"))
        digests = _growing(file, DIGESTS, (32,), np.dtype(np.uint8))
        rows = 0
        for piece in pieces:
            first, rows = rows, rows + len(piece.vectors)
            for dataset in (vectors, names, digests):
                dataset.resize(rows, axis=0)
            vectors[first:] = piece.vectors
            names[first:] = piece.names
            digests[first:] = [list(bytes.fromhex(digest)) for digest in piece.digests or []]
        file.attrs.update({"format": FORMAT, "space": space})
    return rows


def _growing(file: h5py.File, name: str, row: tuple[int, ...], dtype: np.dtype) -> h5py.Dataset:
    return file.create_dataset(name, (0, *row), dtype, maxshape=(None, *row), chunks=(1024, *row))


def _text(name: bytes | str) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
