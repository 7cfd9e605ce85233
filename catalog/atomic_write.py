"""Atomic, durable writing of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

TEMP_SUFFIX = ".tmp"
# Folders whose entry in their parent this process has synced.
_durable_folders: set[Path] = set()


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield the path of a temp file to write, and rename it to `path` at the end of the block.

    The file, its folder and the entry of that folder in its parent are synced to disk. If the block raises, `path` is
    left unchanged.

    Raises:
        OSError: the file cannot be written.
    """
    create_durable_folder(path.parent)
    temp_path = path.with_name(f".{uuid4().hex}{TEMP_SUFFIX}")
    try:
        yield temp_path
        _fsync(temp_path)
        temp_path.replace(path)
    except BaseException:
        temp_path.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


def create_durable_folder(folder: Path) -> None:
    """Create a folder and the folders above it that are missing, and sync their entries to disk. Raises OSError.

    The entry of `folder` is synced once by each process: another one may have created it, and not synced it yet.
    """
    if folder in _durable_folders and folder.is_dir():
        return
    if not folder.parent.is_dir():
        create_durable_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    with suppress(PermissionError):  # somebody else's folder, such as /home, may be unreadable
        _fsync(folder.parent)
    _durable_folders.add(folder)


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
