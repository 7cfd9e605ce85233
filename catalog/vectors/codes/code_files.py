"""Code files: a binary code and a scale for each row of a segment, as a generation derives them.

A code file has the name of its segment, in a folder named by the snapshot's key. It exists so that a process can open a
million rows without reading their vectors first.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.vectors import derived_files, hdf5
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.half_precision import as_float32
from catalog.vectors.projections.projection import CHUNK_ROWS, Projection, inverse_norms
from catalog.vectors.segments import Segment

ARRAY_NAMES = ("codes", "scales")


@dataclass(frozen=True)
class CodesAndScales:
    """The codes and scales of the n rows of a segment.

    Attributes:
        codes: uint8, n × `BinaryEncoder.width`.
        scales: float32, n: the inverse length of the projected row.
    """

    codes: np.ndarray
    scales: np.ndarray


def build_codes(segment: Segment, projection: Projection | None, encoder: BinaryEncoder) -> CodesAndScales:
    """Compute the codes and scales of all rows of a segment, chunk by chunk.

    Args:
        projection: how rows are compared; None by plain cosine similarity.
    """
    codes = np.empty((len(segment), encoder.width), np.uint8)
    scales = np.empty(len(segment), np.float32)
    for start in range(0, len(segment), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        projected = projection.project(segment.vectors[chunk]) if projection else as_float32(segment.vectors[chunk])
        scales[chunk] = inverse_norms(projected)
        codes[chunk] = encoder.encode(projected * scales[chunk, np.newaxis])
    return CodesAndScales(codes, scales)


def open_codes(path: Path, segment: Segment) -> CodesAndScales | None:
    """Open a code file, memory-mapped. Return None if it is missing, damaged, or belongs to another segment."""
    file = derived_files.read(path, segment, ARRAY_NAMES)
    return CodesAndScales(**file.arrays) if file else None


def is_intact(path: Path, segment: Segment) -> bool:
    """Return whether the code file at `path` belongs to this segment and no byte of it has changed."""
    file = derived_files.read(path, segment, ARRAY_NAMES)
    return file is not None and hdf5.is_intact(path, file)


def write(path: Path, segment: Segment, codes_and_scales: CodesAndScales) -> None:
    """Write a code file atomically. Raises StoreUnavailable."""
    derived_files.write(path, segment, {name: getattr(codes_and_scales, name) for name in ARRAY_NAMES})
