"""Locks that the kernel lets go of when their holder dies, however it dies (flock(2))."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.exceptions import CatalogueBusy, StoreUnavailable


@contextmanager
def held(path: Path, *, shared: bool = False, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock at `path` for the length of the block, alone or `shared` with other such holders.

    Args:
        wait: seconds to wait for it.

    Raises:
        CatalogueBusy: another process still holds it after `wait` seconds.
        StoreUnavailable: the lock file cannot be made.
    """
    handle = _open(path)
    try:
        _acquire(handle, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + wait)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at `path`."""
    try:
        with held(path):
            return False
    except CatalogueBusy:
        return True


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as fault:
        raise StoreUnavailable(
            "Nothing can be written to {path}: {fault}. Free some space or give this user the right to write there.",
            path=path.parent,
            fault=fault.strerror or fault,
        ) from fault


def _acquire(handle: int, path: Path, kind: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CatalogueBusy("Another process is at this already (lock {lock}).", lock=path.name) from None
            time.sleep(0.02)
