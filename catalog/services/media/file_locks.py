"""The lock between processes that write files and the cleanup that deletes orphans.

A file is written first; a row that references it is committed afterwards. In between the file looks like an orphan.
This holds for originals and thumbnails as well as for segments of the feature store, so one lock guards both. Writers
share it; the cleanup holds it exclusively.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from catalog import locks
from catalog.exceptions import CatalogueBusy, gettext_noop

# A cleanup holds the lock for a moment at a time. Uploads wait for it, and visitors for uploads.
WRITER_TIMEOUT_SECONDS = 5.0
CLEANUP_RUNNING_MESSAGE = gettext_noop(
    "Files of deleted images are being removed, so nothing was added. Try again in a minute."
)


@contextmanager
def file_commit_lock() -> Iterator[None]:
    """Hold off the cleanup from the writing of a file to the commit of the row that references it.

    Any number of writers hold the lock at once.

    Raises:
        CatalogueBusy: a cleanup has held the lock for `WRITER_TIMEOUT_SECONDS`.
        StoreUnavailable: the lock file cannot be created.
    """
    with ExitStack() as exit_stack:
        try:
            exit_stack.enter_context(locks.file_lock(_lock_path(), shared=True, timeout=WRITER_TIMEOUT_SECONDS))
        except CatalogueBusy as error:
            raise CatalogueBusy(CLEANUP_RUNNING_MESSAGE) from error
        yield


@contextmanager
def orphan_cleanup_lock(timeout: float) -> Iterator[None]:
    """Hold off every writer while files without a row are deleted.

    Args:
        timeout: seconds to wait for the writers.

    Raises:
        CatalogueBusy: files were still being written after `timeout` seconds.
        StoreUnavailable: the lock file cannot be created.
    """
    with locks.file_lock(_lock_path(), timeout=timeout):
        yield


def _lock_path() -> Path:
    return settings.LOCKS_DIR / "files.lock"
