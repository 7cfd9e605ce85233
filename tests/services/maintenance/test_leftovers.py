"""What killed processes leave in `var/` is deleted after a day."""

import os

import pytest

from catalog import locks
from catalog.models import Image
from catalog.services.jobs import leases
from catalog.services.maintenance import leftovers


@pytest.fixture
def left(settings, tmp_path):
    """A temp file, a work folder and a lock file of dead processes."""
    settings.MODELS_DIR = tmp_path / "models"
    temp_file = settings.INDEX_DIR / "key" / ".0123.tmp"
    work_folder = settings.MODELS_DIR / ".keras-VGG16-abc"
    lock_file = settings.LOCKS_DIR / "leases" / "0123.lock"
    for path in (temp_file, work_folder / "model.bin", lock_file):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"left")
    return [temp_file, work_folder, lock_file]


def test_leftovers_are_deleted_when_they_are_old(left, db):
    assert leftovers.sweep() == 0
    for path in left:
        os.utime(path, (0, 0))
    assert leftovers.sweep() == 3
    assert not any(path.exists() for path in left)


def test_finished_files_and_locks_in_use_are_kept(left, settings, db):
    kept = [
        settings.INDEX_DIR / "key" / "one.h5",
        settings.MODELS_DIR / "keras-VGG16.h5",
        settings.MODELS_DIR / "a.onnx",
    ]
    for path in kept:
        path.write_bytes(b"in use")
        os.utime(path, (0, 0))
    with leases.lease_owner(Image) as owner:
        lock_path = leases._lock_path(owner)
        os.utime(lock_path, (0, 0))
        assert leftovers.sweep() == 0
        assert locks.is_locked(lock_path)
    assert all(path.exists() for path in kept)
