"""Feature files: one HDF5 file of descriptors and names, for exchange with other programs.

A feature file has the two datasets that popular tutorials on image search write: `dataset_1` (descriptors, float,
n × d) and `dataset_2` (names, n). Programs that read the tutorials' files can read ours. Ours also contain `digests`
(uint8, n × 32: the SHA-256 of each original), and attributes with the format and the feature space.

The files come from anywhere, so `file_reader` reads them in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import h5py
import numpy as np

from catalog.atomic_write import atomic_write
from catalog.exceptions import FeatureFileRejected

FORMAT = "imagesearch features 1"
VECTORS_DATASET, NAMES_DATASET, DIGESTS_DATASET = "dataset_1", "dataset_2", "digests"
# Rows that are read at a time.
CHUNK_ROWS = 8192
PROJECT_DIR = Path(__file__).resolve().parents[3]


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
    """A feature file to read.

    Attributes:
        space: the feature space as JSON text; None if the file does not name one.
        dimensions: d, the length of a descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _reader(path, 0) as output:
            header = _next_record(path, output)
        self.space: str | None = header["space"]
        self.dimensions: int = header["dimensions"]
        self._rows: int = header["rows"]

    def __len__(self) -> int:
        return self._rows

    def chunks(self) -> Iterator[FeatureChunk]:
        """Yield all rows in order, with vectors scaled to unit length.

        Raises:
            FeatureFileRejected: a vector is zero or contains values that are not finite, or the file is damaged.
        """
        with _reader(self._path, CHUNK_ROWS) as output:
            _next_record(self._path, output)
            done = 0
            while done < len(self):
                record = _next_record(self._path, output)
                data = output.read(record["bytes"])
                if len(data) != record["bytes"]:
                    raise _unreadable(self._path)
                rows = np.frombuffer(data, "<f4").reshape(-1, self.dimensions)
                yield FeatureChunk(done, rows, record["names"], record["digests"])
                done += len(rows)


def open_feature_file(path: Path) -> FeatureFile:
    """Open a file for reading.

    Raises:
        FeatureFileRejected: the file is not HDF5, is not a feature file, or is damaged.
        OSError: the file cannot be read, for example FileNotFoundError.
    """
    path.open("rb").close()
    return FeatureFile(path)


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


@contextmanager
def _reader(path: Path, chunk_rows: int) -> Iterator[IO[bytes]]:
    """Start a process that reads a file, and yield what it writes. It is killed at the end of the block."""
    command = [sys.executable, "-m", "catalog.vectors.exchange.file_reader", str(path.absolute()), str(chunk_rows)]
    # HDF5 loads no plugins, and NumPy starts no threads, whose stacks would count as memory.
    environment = os.environ | {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603
        command, cwd=PROJECT_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            yield cast("IO[bytes]", process.stdout)
        finally:
            process.kill()


def _next_record(path: Path, output: IO[bytes]) -> dict[str, Any]:
    """The next line of a reader. Raises FeatureFileRejected: the file is rejected, or its reader has died."""
    line = output.readline()
    if not line.endswith(b"\n"):
        raise _unreadable(path)
    record = json.loads(line)
    if "rejected" in record:
        raise FeatureFileRejected(record["rejected"], path=path, **record["params"])
    return record


def _unreadable(path: Path) -> FeatureFileRejected:
    return FeatureFileRejected(
        "{path} cannot be read: it is damaged, or too large. Nothing more was imported from it.", path=path
    )
