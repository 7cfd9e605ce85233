"""Feature files: one HDF5 file of descriptors and names, for exchange with other programs.

A feature file has the two datasets that popular tutorials on image search write: `dataset_1` (descriptors, float,
n × d) and `dataset_2` (names, n). Programs that read the tutorials' files can read ours. Ours also contain `digests`
(uint8, n × 32: the SHA-256 of each original), and attributes with the format and the feature space.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from catalog.atomic_write import atomic_write
from catalog.exceptions import FeatureFileRejected

FORMAT = "imagesearch features 1"
VECTORS_DATASET, NAMES_DATASET, DIGESTS_DATASET = "dataset_1", "dataset_2", "digests"
# Rows that are read or written at a time.
CHUNK_ROWS = 8192


class FeatureChunk(NamedTuple):
    """Consecutive rows of a file.

    Attributes:
        first: the position of the first row in the file.
        vectors: the descriptors, float16 or float32, n × d.
        names: the names of the images, n.
        digests: the SHA-256 (hex) of the originals, n; None for files without digests.
    """

    first: int
    vectors: np.ndarray
    names: list[str]
    digests: list[str] | None


class FeatureFile:
    """An open feature file.

    Attributes:
        space: the feature space as JSON text; None if the file does not name one.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._vectors, self._names, self._digests = (
            file.get(name) for name in (VECTORS_DATASET, NAMES_DATASET, DIGESTS_DATASET)
        )
        self._path = path
        self.space = file.attrs.get("space")
        self._check()

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def dimensions(self) -> int:
        return int(self._vectors.shape[1])

    def chunks(self) -> Iterator[FeatureChunk]:
        """Yield all rows in order, with vectors scaled to unit length.

        Raises:
            FeatureFileRejected: a vector is zero or contains values that are not finite.
        """
        for start in range(0, len(self), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            vectors = np.asarray(self._vectors[rows], np.float64)
            norms = np.linalg.norm(vectors, axis=1)
            names = [_decode_name(name) for name in self._names[rows]]
            for position in np.flatnonzero(~np.isfinite(norms) | (norms == 0))[:1].tolist():
                raise FeatureFileRejected(
                    "Row {row} of {path} ({name}) is not a valid descriptor: it contains {content}. "
                    "Nothing was imported.",
                    row=start + position,
                    path=self._path,
                    name=names[position],
                    content="only zeros" if norms[position] == 0 else "values that are not finite",
                )
            digests = None if self._digests is None else [bytes(digest).hex() for digest in self._digests[rows]]
            yield FeatureChunk(start, (vectors / norms[:, np.newaxis]).astype(np.float32), names, digests)

    def _check(self) -> None:
        if not (isinstance(self._vectors, h5py.Dataset) and isinstance(self._names, h5py.Dataset)):
            raise self._rejected("it lacks the datasets dataset_1 (descriptors) and dataset_2 (names)")
        if self._vectors.ndim != 2 or self._vectors.dtype.kind != "f":
            raise self._rejected("its dataset_1 is not a matrix of floating-point numbers")
        if self._names.shape != self._vectors.shape[:1] or self._names.dtype.kind not in "SO":
            raise self._rejected("its dataset_2 does not contain one name for each row of dataset_1")
        if self._digests is not None and self._digests.shape != (len(self._vectors), 32):
            raise self._rejected("its digests are not 32 bytes for each row of dataset_1")

    def _rejected(self, reason: str) -> FeatureFileRejected:
        return FeatureFileRejected("{path} is not a feature file: {reason}.", path=self._path, reason=reason)


@contextmanager
def open_feature_file(path: Path) -> Iterator[FeatureFile]:
    """Open a file for reading.

    Raises:
        FeatureFileRejected: the file is not HDF5, is not a feature file, or is damaged.
        OSError: the file cannot be read, for example FileNotFoundError.
    """
    path.open("rb").close()  # raises the system's own error, which is clearer than h5py's
    try:
        with h5py.File(path, "r") as file:
            yield FeatureFile(file, path)
    # h5py raises these for a file that is truncated or is not HDF5.
    except (OSError, RuntimeError, KeyError) as error:
        raise FeatureFileRejected("{path} cannot be read as HDF5: {error}.", path=path, error=error) from error


def write(path: Path, chunks: Iterable[FeatureChunk], *, dimensions: int, space: str) -> int:
    """Write a feature file atomically and return the number of its rows.

    Args:
        chunks: all rows, with digests. `first` is ignored.
        dimensions: d, the length of a descriptor.
        space: the feature space as JSON text.

    Raises:
        OSError: the file cannot be written; a file that was there before is unchanged.
    """
    with atomic_write(path) as temp_path, h5py.File(temp_path, "w") as file:
        vectors = _create_resizable(file, VECTORS_DATASET, (dimensions,), np.dtype(np.float32))
        names = _create_resizable(file, NAMES_DATASET, (), h5py.string_dtype("utf-8"))
        digests = _create_resizable(file, DIGESTS_DATASET, (32,), np.dtype(np.uint8))
        row_count = 0
        for chunk in chunks:
            first, row_count = row_count, row_count + len(chunk.vectors)
            for dataset in (vectors, names, digests):
                dataset.resize(row_count, axis=0)
            vectors[first:] = chunk.vectors
            names[first:] = chunk.names
            digests[first:] = [list(bytes.fromhex(digest)) for digest in chunk.digests or []]
        file.attrs.update({"format": FORMAT, "space": space})
    return row_count


def _create_resizable(file: h5py.File, name: str, row_shape: tuple[int, ...], dtype: np.dtype) -> h5py.Dataset:
    return file.create_dataset(name, (0, *row_shape), dtype, maxshape=(None, *row_shape), chunks=(1024, *row_shape))


def _decode_name(name: bytes | str) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
