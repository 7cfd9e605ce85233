"""The stored query photos, as files."""

import os
import time
from pathlib import Path

from django.conf import settings

from catalog.services.search import query_photo_files


def stored_paths() -> list[Path]:
    """The files of all query photos, the oldest first."""
    files = sorted(query_photo_files.find_all(), key=lambda file: file.stored_at)
    return [Path(file.path) for file in files]


def path_of(token: str) -> Path:
    """The file of the photo with this token."""
    return query_photo_files._path(token)


def expire(*tokens: str) -> None:
    """Make the photos with these tokens expire; all of them without tokens."""
    stored_at = time.time() - settings.QUERY_HOURS * 3600 - 1
    for path in map(path_of, tokens) if tokens else stored_paths():
        os.utime(path, (stored_at, stored_at))
