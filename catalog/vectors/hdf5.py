"""HDF5 files of arrays: contiguous, page-aligned datasets that are read through memory maps.

All processes that read a file share its pages. The attributes include a checksum of the arrays, so that a file can be
verified on its own. The offsets of the datasets come from `Dataset.id.get_offset()`:
https://api.h5py.org/h5d.html#h5py.h5d.DatasetID.get_offset
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from catalog.atomic_write import atomic_write

PAGE_BYTES = 4096


@dataclass(frozen=True)
class Hdf5Arrays:
    """The contents of an open file.

    Attributes:
        arrays: the memory-mapped datasets by name.
        attributes: the text attributes by name.
        checksum: the SHA-256 (hex) of the arrays when they were written.
    """

    arrays: dict[str, np.ndarray]
    attributes: dict[str, str]
    checksum: str


def write(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]) -> str:
    """Write a file atomically and durably, and return the checksum of its arrays. Raises OSError."""
    checksum = compute_checksum(arrays.values())
    with (
        atomic_write(path) as temp_path,
        h5py.File(temp_path, "w", alignment_threshold=1, alignment_interval=PAGE_BYTES) as file,
    ):
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.attrs.update({**attributes, "checksum": checksum})
    return checksum


def read(path: Path, names: Iterable[str]) -> Hdf5Arrays:
    """Open a file and map the datasets `names`. This takes a few small reads, whatever the size of the file.

    Raises:
        OSError: the file is missing or is not HDF5.
        KeyError, ValueError, RuntimeError, TypeError, AttributeError: the file is damaged; h5py and NumPy raise these.
    """
    # The file is opened once: if it is replaced meanwhile, all arrays are still of the same file.
    with path.open("rb") as opened, h5py.File(f"/dev/fd/{opened.fileno()}", "r") as file:
        arrays = {name: _memory_map(opened, file[name]) for name in names}
        attributes = {name: str(value) for name, value in file.attrs.items()}
    return Hdf5Arrays(arrays, attributes, attributes.pop("checksum"))


def compute_checksum(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256 (hex) of the concatenated bytes of `arrays`."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _memory_map(file: BinaryIO, dataset: h5py.Dataset) -> np.ndarray:
    offset = dataset.id.get_offset()
    if offset is None:
        raise ValueError(f"{dataset.name} is not contiguous")
    return np.memmap(file, mode="r", dtype=dataset.dtype, shape=dataset.shape, offset=offset)
