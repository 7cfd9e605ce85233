"""Files that are there whole and for good, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

DRAFT = ".draft"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a draft to write; afterwards it stands at `path`, synced to the disk with its folder.

    If the block raises, nothing stands at `path` that did not before. Raises OSError as the disk does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}{DRAFT}")
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
