"""Leftovers in `var/` of processes that were killed: temp files, work folders and lock files."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from catalog.atomic_write import TEMP_SUFFIX
from catalog.features.networks.keras_network import CONVERTED_PREFIX
from catalog.services.jobs import leases
from catalog.services.search import query_photo_files

# No process works on a temp file or a work folder for longer.
MIN_AGE_SECONDS = 24 * 3600


def sweep() -> int:
    """Delete what is left of processes that died at least a day ago, and return the number of files and folders.

    Files without a row in the feature store and in the media storage are left to `orphans.sweep`.
    """
    leftovers = [path for path in _unfinished() if _is_old(path)]
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(leftovers) + leases.delete_unused_locks(MIN_AGE_SECONDS)


def _unfinished() -> Iterator[Path]:
    """Temp files of `atomic_write`, and the work folders in which networks are converted."""
    for folder in (settings.INDEX_DIR, settings.IMPORTS_DIR, settings.MODELS_DIR, query_photo_files.folder()):
        yield from folder.rglob(f".*{TEMP_SUFFIX}")
    yield from settings.MODELS_DIR.glob(f".{CONVERTED_PREFIX}*")


def _is_old(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime < time.time() - MIN_AGE_SECONDS
    return False
