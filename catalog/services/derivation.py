"""Codes and scales of segments, kept in `var/index/` for each generation and made where they lack."""

import logging
import shutil
from pathlib import Path

from django.conf import settings

from catalog.exceptions import StoreUnavailable
from catalog.vectors import derived
from catalog.vectors.codes import Coder
from catalog.vectors.derived import Derived
from catalog.vectors.projection import Projection
from catalog.vectors.segments import Segment

logger = logging.getLogger(__name__)

# Smaller segments are derived from anew by each process, sooner than a file is written.
KEPT_FROM = 1000


def path_of(key: str, segment: Segment) -> Path:
    """Where they are kept, if they are."""
    return settings.INDEX_DIR / key / segment.path.name


def derived_of(key: str, segment: Segment, projection: Projection, coder: Coder) -> Derived:
    """What the snapshots of `key` need of a segment."""
    path = path_of(key, segment)
    found = derived.open_derived(path, segment)
    if found is None:
        found = derived.derive(segment, projection, coder)
        if len(segment) >= KEPT_FROM:
            _keep(path, segment, found)
    return found


def sweep(keys: set[str], segments: set[str]) -> None:
    """Remove what is of none of these snapshots' keys, or of none of these segments, which are named by their files."""
    for folder in settings.INDEX_DIR.glob("*"):
        if folder.name not in keys:
            shutil.rmtree(folder, ignore_errors=True)
        for path in folder.glob("*.h5"):
            if path.name not in segments:
                path.unlink(missing_ok=True)


def _keep(path: Path, segment: Segment, found: Derived) -> None:
    try:
        derived.write(path, segment, found)
    except StoreUnavailable as fault:  # a process that may not write there searches all the same
        logger.warning("%s", fault)
