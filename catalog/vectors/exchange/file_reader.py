"""A process that reads a feature file for `feature_file`, with a limit on its memory: `file_reader PATH CHUNK_ROWS`.

A file from anywhere may crash libhdf5, or name files, plugins or sizes that the importing process must not follow.
Standard output gets a line of JSON for the file, and for each chunk one of JSON and its vectors as float32. A file that
is refused gets a line with the message and its parameters.
"""

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

DATASETS = ("dataset_1", "dataset_2", "digests")
MAX_MEMORY_BYTES = 3 << 30
MAX_DIMENSIONS = 65_536
MAX_NAME_BYTES = 4096
# A chunk of a dataset is decompressed as a whole.
MAX_DATASET_CHUNK_BYTES = 64 << 20
# Maximum number of components in the rows that are read at a time.
MAX_CHUNK_NUMBERS = 1 << 25
# Descriptors hardly become smaller when they are compressed; files that claim more than this have no such contents.
MAX_COMPRESSION = 50
ALLOWED_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
ALLOWED_LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}


class Rejected(Exception):
    """The file is refused.

    Args:
        message: a template in which `{path}` and the names of `params` are replaced.
    """

    def __init__(self, message: str, **params: object) -> None:
        super().__init__(message)
        self.message, self.params = message, params


def main(path: Path, chunk_rows: int) -> None:
    """Write the contents of the file, `chunk_rows` rows at a time; with 0, only what it is."""
    _, highest = resource.getrlimit(resource.RLIMIT_AS)  # which nobody may raise
    limit = MAX_MEMORY_BYTES if highest == resource.RLIM_INFINITY else min(MAX_MEMORY_BYTES, highest)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        with h5py.File(path, "r") as file:
            vectors, names, digests = (_dataset(file, name) for name in DATASETS)
            _check(vectors, names, digests)
            _write({"rows": len(vectors), "dimensions": vectors.shape[1], "space": _space(file)})
            for record, rows in _chunks(vectors, names, digests, chunk_rows) if chunk_rows else ():
                _write(record)
                sys.stdout.buffer.write(rows.tobytes())
    except Rejected as error:
        _write({"rejected": error.message, "params": error.params})
    # h5py raises these for a file that is truncated or is not HDF5.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        _write({"rejected": "{path} cannot be read as HDF5: {error}.", "params": {"error": str(error)}})


def _write(record: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(record).encode() + b"\n")


def _reject(reason: str) -> Rejected:
    return Rejected("{path} is not a feature file: {reason}.", reason=reason)


def _dataset(file: h5py.File, name: str) -> Any:
    """The dataset with this name; None if there is none. Its bytes are in this file, and of a plausible number."""
    link = file.get(name, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise _reject(f"its {name} is a link to another place")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        return None
    properties = dataset.id.get_create_plist()
    if properties.get_layout() not in ALLOWED_LAYOUTS or properties.get_external_count():
        raise _reject(f"its {name} is stored in other files")
    if {properties.get_filter(number)[0] for number in range(properties.get_nfilters())} - ALLOWED_FILTERS:
        raise _reject(f"its {name} is compressed with a filter that is not supported")
    itemsize = dataset.dtype.itemsize
    if np.prod(dataset.chunks or (0,), dtype=float) * itemsize > MAX_DATASET_CHUNK_BYTES:
        raise _reject(f"the chunks of its {name} are too large")
    if float(dataset.size or 0) * itemsize > MAX_COMPRESSION * dataset.id.get_storage_size():
        raise _reject(f"its {name} is larger than what the file contains")
    return dataset


def _check(vectors: Any, names: Any, digests: Any) -> None:
    if vectors is None or names is None:
        raise _reject("it lacks the datasets dataset_1 (descriptors) and dataset_2 (names)")
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise _reject("its dataset_1 is not a matrix of floating-point numbers")
    if not 1 <= vectors.shape[1] <= MAX_DIMENSIONS:
        raise _reject(f"its descriptors do not have 1 to {MAX_DIMENSIONS} dimensions")
    is_text = names.dtype.kind == "S" or h5py.check_string_dtype(names.dtype) is not None
    if names.shape != vectors.shape[:1] or not is_text or names.dtype.itemsize > MAX_NAME_BYTES:
        raise _reject("its dataset_2 does not contain one name for each row of dataset_1")
    if digests is not None and (digests.shape, digests.dtype) != ((len(vectors), 32), np.uint8):
        raise _reject("its digests are not 32 bytes for each row of dataset_1")


def _space(file: h5py.File) -> str | None:
    space = file.attrs.get("space")
    if space is None:
        return None
    try:
        text = space.decode() if isinstance(space, bytes) else space
        json.loads(text)
    except (ValueError, TypeError):
        raise _reject("its feature space is not a text in JSON") from None
    return str(text)


def _chunks(vectors: Any, names: Any, digests: Any, chunk_rows: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield what describes each chunk, and its vectors of unit length: float32."""
    chunk_rows = min(chunk_rows, max(1, MAX_CHUNK_NUMBERS // vectors.shape[1]))
    for start in range(0, len(vectors), chunk_rows):
        rows = slice(start, start + chunk_rows)
        chunk = np.asarray(vectors[rows], np.float64)
        norms = np.linalg.norm(chunk, axis=1)
        texts = [_decode_name(name) for name in names[rows]]
        for position in np.flatnonzero(~np.isfinite(norms) | (norms == 0))[:1].tolist():
            raise Rejected(
                "Row {row} of {path} ({name}) is not a valid descriptor: it contains {content}. Nothing was imported.",
                row=start + position,
                name=texts[position],
                content="only zeros" if norms[position] == 0 else "values that are not finite",
            )
        hexes = None if digests is None else [bytes(digest).hex() for digest in digests[rows]]
        unit = (chunk / norms[:, np.newaxis]).astype("<f4")
        yield {"names": texts, "digests": hexes, "bytes": unit.nbytes}, unit


def _decode_name(name: bytes | str) -> str:
    return (name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))[:MAX_NAME_BYTES]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
