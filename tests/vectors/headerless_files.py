"""Files as earlier versions wrote them, with libhdf5's attributes of variable length."""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from catalog.vectors import hdf5
from catalog.vectors.segments import Segment, open_segment


def write(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]) -> str:
    """Write a file without a header and return the checksum of its arrays."""
    checksum = hdf5.compute_checksum(arrays.values())
    with h5py.File(path, "w", alignment_threshold=1, alignment_interval=hdf5.PAGE_BYTES) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.attrs.update({**attributes, "checksum": checksum})
    return checksum


def rewrite_as_old(path: Path, version: int = 2) -> Segment:
    """Replace a segment by one of version 1 or 2 with the same contents."""
    segment = open_segment(path)
    arrays = {
        "vectors": np.array(segment.vectors, np.float32 if version == 1 else np.float16),
        "image_ids": segment.image_ids,
        "digests": np.array(segment.digests),
    }
    write(path, arrays, {"format": f"imagesearch segment {version}", "space": segment.space})
    return open_segment(path)
