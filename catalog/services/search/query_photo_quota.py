"""How many query photos are kept, of one owner and of all, and for how long."""

import heapq
import threading
import time
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from catalog.services.search import query_photo_files
from catalog.services.search.query_photo_files import PhotoFile

# Between two counts, each process adds what it stores itself.
COUNT_SECONDS = 60.0
# The photos that a count selects to be deleted next, should there be no room.
MAX_OLDEST = 1000


class Tally:
    """The bytes of all query photos, as this process has counted them. Searches at the same time may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0
        self._oldest: list[PhotoFile] = []  # the oldest last
        self._counted_at = float("-inf")

    def add(self, size: int) -> None:
        """Add `size` bytes, and delete the oldest photos if there is no room for them. Raises StoreUnavailable."""
        with self._lock:
            if time.monotonic() - self._counted_at > COUNT_SECONDS:
                self._count()
            while self._bytes + size > settings.MAX_QUERY_PHOTO_BYTES:
                if not self._oldest:
                    self._count()
                if not self._oldest:
                    break
                file = self._oldest.pop()
                if query_photo_files.delete(file):  # another process may have been faster
                    self._bytes -= file.size
            self._bytes += size

    def _count(self) -> None:
        files = list(query_photo_files.find_all())
        self._bytes = sum(file.size for file in files)
        self._oldest = heapq.nsmallest(MAX_OLDEST, files, key=_deletion_order)[::-1]
        self._counted_at = time.monotonic()


def make_room(owner: str, size: int) -> None:
    """Delete the oldest photos of `owner` if there are too many, and of all, visitors' first, if they are too large.

    Args:
        owner: an account or a visitor's address, as `clients.client_key` returns it.
        size: of the photo that will be stored, in bytes.

    Raises:
        StoreUnavailable: files could not be deleted.
    """
    own = sorted(query_photo_files.find_of(owner), key=_deletion_order)
    replaced = own[: max(0, len(own) + 1 - settings.MAX_QUERY_PHOTOS)]
    deleted_bytes = sum(file.size for file in replaced if query_photo_files.delete(file))
    _tally(settings.VAR_DIR).add(size - deleted_bytes)


def delete_expired() -> int:
    """Delete the photos that have expired, and return how many. Raises StoreUnavailable."""
    return sum(query_photo_files.delete(file) for file in query_photo_files.find_all() if file.has_expired())


def _deletion_order(file: PhotoFile) -> tuple[bool, bool, float]:
    return (not file.has_expired(), file.is_account, file.stored_at)


@lru_cache(maxsize=1)
def _tally(folder: Path) -> Tally:
    """Return the tally of this process for a data folder."""
    return Tally()
