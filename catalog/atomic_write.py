"""Atomic, durable writing of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

TEMP_SUFFIX = ".tmp"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield the path of a temp file to write, and rename it to `path` at the end of the block.

    The file and its folder are synced to disk. If the block raises, `path` is left unchanged.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temp_path = path.with_name(f".{uuid4().hex}{TEMP_SUFFIX}")
    try:
        yield temp_path
        _fsync(temp_path)
        temp_path.replace(path)
    except BaseException:
        temp_path.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


def _fsync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
