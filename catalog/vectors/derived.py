"""What a generation derives from a segment: a code and a scale for each row, beside the vectors and not instead.

The file lies in a folder named like the snapshot's key, under the segment's own name. It can be made again at any time
from the segment, so that one that is missing or damaged is no loss; it is kept so that a process which opens a
million rows need not read their vectors first.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.exceptions import StoreUnavailable
from catalog.vectors import arrays
from catalog.vectors.codes import Coder
from catalog.vectors.projection import PIECE, Projection, inverse_lengths
from catalog.vectors.segments import Segment


@dataclass(frozen=True)
class Derived:
    """A row for each of a segment's.

    Attributes:
        codes: uint8, n × `Coder.width`.
        scales: float32, n: `Projection.scales`.
    """

    codes: np.ndarray
    scales: np.ndarray


def derive(segment: Segment, projection: Projection, coder: Coder) -> Derived:
    """Read the vectors and make what follows from them."""
    codes = np.empty((len(segment), coder.width), np.uint8)
    scales = np.empty(len(segment), np.float32)
    for start in range(0, len(segment), PIECE):
        piece = slice(start, start + PIECE)
        turned = projection.turned(segment.vectors[piece])
        scales[piece] = inverse_lengths(turned)
        codes[piece] = coder.encode(turned * scales[piece, np.newaxis])
    return Derived(codes, scales)


def open_derived(path: Path, segment: Segment) -> Derived | None:
    """What is at `path`, memory-mapped; None where it is missing, damaged, or of another segment."""
    found = _read(path, segment)
    return Derived(found.arrays["codes"], found.arrays["scales"]) if found else None


def is_whole(path: Path, segment: Segment) -> bool:
    """Whether what is at `path` is of this segment, and every byte of it as it was written."""
    found = _read(path, segment)
    return found is not None and arrays.checksum_of(found.arrays.values()) == found.checksum


def _read(path: Path, segment: Segment) -> arrays.Arrays | None:
    try:
        found = arrays.read(path, ("codes", "scales"))
        ours = found.attributes["segment"] == segment.checksum
        whole = all(len(array) == len(segment) for array in found.arrays.values())
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError):
        return None
    return found if ours and whole else None


def write(path: Path, segment: Segment, derived: Derived) -> None:
    """Have it at `path` whole, or not at all. Raises StoreUnavailable."""
    try:
        arrays.write(path, {"codes": derived.codes, "scales": derived.scales}, {"segment": segment.checksum})
    except OSError as fault:
        raise StoreUnavailable(
            "The index cannot be written to {path}: {fault}. "
            "Free some space, or give this user the right to write there.",
            path=path,
            fault=fault.strerror or fault,
        ) from fault
