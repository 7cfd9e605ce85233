"""Files of arrays: HDF5 with contiguous, page-aligned datasets, written whole and read through memory maps.

Every process that reads one shares its pages. The attributes carry a checksum of the arrays, so that a file can be
verified by itself. Raw offsets come from `Dataset.id.get_offset()`:
https://api.h5py.org/h5d.html#h5py.h5d.DatasetID.get_offset
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from catalog.durability import whole_file

PAGE = 4096


@dataclass(frozen=True)
class Arrays:
    """An open file.

    Attributes:
        arrays: memory-mapped, by name.
        attributes: texts, by name.
        checksum: SHA-256 (hex) that the arrays had when they were written.
    """

    arrays: dict[str, np.ndarray]
    attributes: dict[str, str]
    checksum: str


def write(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]) -> str:
    """Write a file so that it is at `path` whole and durable, or not at all. Returns its checksum. Raises OSError."""
    checksum = checksum_of(arrays.values())
    with whole_file(path) as draft, h5py.File(draft, "w", alignment_threshold=1, alignment_interval=PAGE) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.attrs.update({**attributes, "checksum": checksum})
    return checksum


def read(path: Path, names: Iterable[str]) -> Arrays:
    """Open a file: a few small reads, however large it is.

    Raises:
        OSError: it is missing, or no HDF5.
        KeyError, ValueError, RuntimeError, TypeError, AttributeError: it is damaged, which NumPy or h5py stumbles over.
    """
    with h5py.File(path, "r") as file:
        arrays = {name: _mapped(path, file[name]) for name in names}
        attributes = {name: str(value) for name, value in file.attrs.items()}
    return Arrays(arrays, attributes, attributes.pop("checksum"))


def checksum_of(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 (hex) of the bytes of arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _mapped(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    offset = dataset.id.get_offset()
    if offset is None:
        raise ValueError(f"{dataset.name} is not contiguous")
    return np.memmap(path, mode="r", dtype=dataset.dtype, shape=dataset.shape, offset=offset)
