"""HDF5 files of arrays that are read without libhdf5: contiguous, page-aligned datasets, found through a header.

libhdf5 crashes on some damaged files, so it only writes. The header is in the user block, which HDF5 keeps free for
programs: a line with the length and the SHA-256 of the JSON after it. The JSON contains the attributes, the length of
the file, the SHA-256 of all that follows the user block, and the type, shape, offset and SHA-256 of each dataset. So a
file with a damaged header or of another length is refused when it is opened, and a file can be verified on its own.
Datasets are memory-mapped: all processes that read a file share its pages.
https://support.hdfgroup.org/documentation/hdf5/latest/_h5_f__u_g.html (user block)
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np

from catalog.atomic_write import atomic_write
from catalog.vectors.hdf5 import headerless

PAGE_BYTES = 4096
HEADER_LINE = re.compile(rb"imagesearch arrays 1 (\d{1,6}) ([0-9a-f]{64})\n")
# Stands for a length or an offset that is not known yet, while the space for the header is reserved.
LARGEST_NUMBER = 2**63 - 1

# Raised for damaged files, also by NumPy.
DAMAGE_ERRORS = (KeyError, ValueError, TypeError, OverflowError)


class Digests(NamedTuple):
    """What a file that was written can be verified by.

    Attributes:
        checksum: the SHA-256 (hex) of the header, which contains that of the rest. The file names it itself.
        digest: the SHA-256 (hex) of the whole file.
    """

    checksum: str
    digest: str


@dataclass(frozen=True)
class Hdf5Arrays:
    """The contents of an open file.

    Attributes:
        arrays: the memory-mapped datasets by name.
        attributes: the text attributes by name.
        checksum: identifies the contents: see `Digests`. For files without a header, the SHA-256 of the arrays.
        header: the header; empty for files without one.
    """

    arrays: dict[str, np.ndarray]
    attributes: dict[str, str]
    checksum: str
    header: dict[str, Any] = field(default_factory=dict)

    def has_intact(self, name: str) -> bool:
        """Return whether no byte of an array has changed since it was written. True for files without a header."""
        return not self.header or compute_checksum([self.arrays[name]]) == self.header["datasets"][name]["sha256"]


def write(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]) -> Digests:
    """Write a file atomically and durably. Raises OSError."""
    datasets: dict[str, dict[str, Any]] = {
        name: {
            "dtype": array.dtype.str,
            "shape": array.shape,
            "offset": LARGEST_NUMBER,
            "sha256": compute_checksum([array]),
        }
        for name, array in arrays.items()
    }
    header: dict[str, Any] = {"attributes": dict(attributes), "datasets": datasets, "bytes": LARGEST_NUMBER}
    header |= {"sha256": "0" * 64, "user_block": LARGEST_NUMBER}
    header["user_block"] = _user_block_size(header)
    options = {"alignment_threshold": 1, "alignment_interval": PAGE_BYTES, "userblock_size": header["user_block"]}
    with atomic_write(path) as temp_path:
        with h5py.File(temp_path, "w", **options) as file:
            for name, array in arrays.items():
                datasets[name]["offset"] = file.create_dataset(name, data=array).id.get_offset()
            # Of fixed length: those of variable length are in a heap, on which libhdf5 crashes when it is damaged.
            file.attrs.update({name: np.bytes_(value.encode()) for name, value in attributes.items()})
        header["bytes"] = temp_path.stat().st_size
        header["sha256"] = compute_digest(temp_path, header["user_block"])
        checksum, text = _encode_header(header)
        with temp_path.open("r+b") as opened:
            opened.write(text)
        digest = compute_digest(temp_path)
    return Digests(checksum, digest)


def read(path: Path, names: Iterable[str]) -> Hdf5Arrays:
    """Open a file and map the datasets `names`. This takes a few small reads, whatever the size of the file.

    Raises:
        OSError: the file is missing.
        one of DAMAGE_ERRORS: the file is damaged, or is none of ours.
    """
    # The file is opened once: if it is replaced meanwhile, all arrays are still of the same file.
    with path.open("rb") as opened:
        if headerless.is_headerless(opened):
            layout = headerless.read_layout(opened, names)
            arrays = {name: _memory_map(opened, **dataset) for name, dataset in layout.datasets.items()}
            return Hdf5Arrays(arrays, layout.attributes, layout.attributes.pop("checksum"))
        checksum, header = _read_header(opened)
        datasets = {name: header["datasets"][name] for name in names}
        arrays = {
            name: _memory_map(opened, dataset["dtype"], dataset["shape"], dataset["offset"])
            for name, dataset in datasets.items()
        }
    return Hdf5Arrays(arrays, header["attributes"], checksum, header)


def is_intact(path: Path, file: Hdf5Arrays) -> bool:
    """Return whether no byte of an open file has changed since it was written. Raises OSError.

    Of a file without a header, all datasets must be open, and only these are compared.
    """
    if not file.header:
        return compute_checksum(file.arrays.values()) == file.checksum
    # Read rather than mapped: an error of the disk is an exception then, and no signal.
    return compute_digest(path, file.header["user_block"]) == file.header["sha256"]


def compute_checksum(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256 (hex) of the concatenated bytes of `arrays`."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def compute_digest(path: Path, start: int = 0) -> str:
    """Return the SHA-256 (hex) of a file from the byte `start` on. Raises OSError."""
    with path.open("rb") as opened:
        opened.seek(start)
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _user_block_size(header: dict[str, Any]) -> int:
    """The space for a header: HDF5 wants a power of two."""
    size = PAGE_BYTES
    while size < len(_encode_header(header)[1]):
        size *= 2
    return size


def _encode_header(header: dict[str, Any]) -> tuple[str, bytes]:
    """The checksum of a header, and its text in the file."""
    text = json.dumps(header, sort_keys=True).encode()
    checksum = hashlib.sha256(text).hexdigest()
    return checksum, b"imagesearch arrays 1 %d %s\n%s" % (len(text), checksum.encode(), text)


def _read_header(opened: BinaryIO) -> tuple[str, dict[str, Any]]:
    """The checksum of an open file and its header. Raises ValueError."""
    opened.seek(0)
    match = HEADER_LINE.match(opened.read(PAGE_BYTES))
    if not match:
        raise ValueError("it does not start with the header of such a file")
    opened.seek(match.end())
    text, checksum = opened.read(int(match[1])), match[2].decode()
    if hashlib.sha256(text).hexdigest() != checksum:
        raise ValueError("its header has changed since it was written")
    header = json.loads(text)
    if opened.read(header["user_block"] - opened.tell()).strip(b"\0"):
        raise ValueError("there are bytes after its header")
    length = opened.seek(0, 2)
    if length != header["bytes"]:
        raise ValueError(f"it has {length} bytes instead of {header['bytes']}")
    return checksum, header


def _memory_map(opened: BinaryIO, dtype: str, shape: Iterable[int], offset: int) -> np.ndarray:
    # As a plain array: NumPy is slower with its subclass, at each row that is selected.
    return np.asarray(np.memmap(opened, mode="r", dtype=np.dtype(dtype), shape=tuple(shape), offset=offset))
