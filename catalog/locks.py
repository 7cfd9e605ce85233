"""File locks between processes. The kernel releases a lock when its holder exits or is killed: flock(2)."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.exceptions import CatalogueBusy, StoreUnavailable


@contextmanager
def file_lock(path: Path, *, shared: bool = False, timeout: float = 0.0) -> Iterator[None]:
    """Hold the lock at `path` during the block.

    Args:
        shared: whether other holders of a shared lock are allowed at the same time.
        timeout: the time in seconds to wait for the lock.

    Raises:
        CatalogueBusy: another process still holds the lock after `timeout` seconds.
        StoreUnavailable: the lock file cannot be created.
    """
    fd = _open_lock_file(path)
    try:
        _acquire(fd, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + timeout)
        yield
    finally:
        os.close(fd)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock at `path`."""
    try:
        with file_lock(path):
            return False
    except CatalogueBusy:
        return True


def _open_lock_file(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreUnavailable(
            "Cannot write to {path}: {error}. Free some space, or give this user write permission there.",
            path=path.parent,
            error=error.strerror or error,
        ) from error


def _acquire(fd: int, path: Path, operation: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CatalogueBusy(
                    "Another process is already doing this (lock {lock}). Try again when it has finished.",
                    lock=path.name,
                ) from None
            time.sleep(0.02)
