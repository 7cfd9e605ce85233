"""A cache of codes and scales in `var/index/`, by snapshot key and segment. Missing entries are built when needed."""

import logging
import shutil
from pathlib import Path

from django.conf import settings

from catalog.exceptions import StoreUnavailable
from catalog.vectors import code_files
from catalog.vectors.binary_codes import BinaryEncoder
from catalog.vectors.code_files import CodesAndScales
from catalog.vectors.segments import Segment
from catalog.vectors.whitening import Whitening

logger = logging.getLogger(__name__)

# For smaller segments, building the codes in each process is faster than writing a file.
MIN_CACHED_ROWS = 1000


def cache_path(key: str, segment: Segment) -> Path:
    """Return the path at which the codes of a segment are cached."""
    return settings.INDEX_DIR / key / segment.path.name


def load_or_build(key: str, segment: Segment, whitening: Whitening, encoder: BinaryEncoder) -> CodesAndScales:
    """Return the codes and scales of a segment for snapshots with this key. Missing ones are built and cached."""
    path = cache_path(key, segment)
    codes_and_scales = code_files.open_codes(path, segment)
    if codes_and_scales is None:
        codes_and_scales = code_files.build_codes(segment, whitening, encoder)
        if len(segment) >= MIN_CACHED_ROWS:
            _save(path, segment, codes_and_scales)
    return codes_and_scales


def delete_unused(keys: set[str], segment_names: set[str]) -> None:
    """Delete cached codes of other snapshot keys and segments. `segment_names` are file names."""
    for folder in settings.INDEX_DIR.glob("*"):
        if folder.name not in keys:
            shutil.rmtree(folder, ignore_errors=True)
        for path in folder.glob("*.h5"):
            if path.name not in segment_names:
                path.unlink(missing_ok=True)


def _save(path: Path, segment: Segment, codes_and_scales: CodesAndScales) -> None:
    try:
        code_files.write(path, segment, codes_and_scales)
    except StoreUnavailable as error:  # a process without write permission can still search
        logger.warning("%s", error)
