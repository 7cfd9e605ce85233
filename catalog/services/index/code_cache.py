"""What is derived from segments for searches, in files in `var/index/`: codes and scales, and neighbour lists.

Files are found by the key of the snapshot and the name of the segment. Missing codes are built when they are needed;
missing neighbour lists are made by `neighbour_graph`.
"""

import logging
import shutil
from pathlib import Path

from django.conf import settings

from catalog.exceptions import StoreUnavailable
from catalog.vectors.codes import code_files
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.code_files import CodesAndScales
from catalog.vectors.neighbours import lists
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.projections.projection import Projection
from catalog.vectors.segments import Segment

logger = logging.getLogger(__name__)

# For smaller segments, building the codes in each process is faster than writing a file.
MIN_CACHED_ROWS = 1000


def codes_path(key: str, segment: Segment) -> Path:
    """Return the path of the codes of a segment."""
    return settings.INDEX_DIR / key / segment.path.name


def neighbours_path(key: str, segment: Segment) -> Path:
    """Return the path of the neighbour lists of a segment."""
    return settings.INDEX_DIR / key / "neighbours" / segment.path.name


def load_or_build(key: str, segment: Segment, projection: Projection | None, encoder: BinaryEncoder) -> CodesAndScales:
    """Return the codes and scales of a segment for snapshots with this key. Missing ones are built and cached."""
    path = codes_path(key, segment)
    codes_and_scales = code_files.open_codes(path, segment)
    if codes_and_scales is None:
        codes_and_scales = code_files.build_codes(segment, projection, encoder)
        if len(segment) >= MIN_CACHED_ROWS:
            _save(path, segment, codes_and_scales)
    return codes_and_scales


def neighbours_state(key: str, segment: Segment) -> tuple[int, int] | None:
    """Return what changes when the file of neighbour lists is replaced: its inode and time. None without a file."""
    try:
        stat = neighbours_path(key, segment).stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def open_neighbours(key: str, segment: Segment) -> NeighbourLists | None:
    """Return the neighbour lists of a segment for snapshots with this key; None if they are not made yet."""
    return lists.open_lists(neighbours_path(key, segment), segment)


def save_neighbours(key: str, segment: Segment, neighbour_lists: NeighbourLists) -> None:
    """Write the neighbour lists of a segment. Raises StoreUnavailable."""
    lists.write(neighbours_path(key, segment), segment, neighbour_lists)


def delete_unused(keys: set[str], segment_names: set[str]) -> None:
    """Delete files of other snapshot keys and segments. `segment_names` are file names."""
    for folder in settings.INDEX_DIR.glob("*"):
        if folder.name not in keys:
            shutil.rmtree(folder, ignore_errors=True)
        for path in folder.rglob("*.h5"):
            if path.name not in segment_names:
                path.unlink(missing_ok=True)


def _save(path: Path, segment: Segment, codes_and_scales: CodesAndScales) -> None:
    try:
        code_files.write(path, segment, codes_and_scales)
    except StoreUnavailable as error:  # a process without write permission can still search
        logger.warning("%s", error)
