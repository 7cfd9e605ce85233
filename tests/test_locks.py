"""Tests of file locks, which the kernel releases when their holder dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog import locks
from catalog.exceptions import CatalogueBusy, StoreUnavailable
from tests.processes import CHECKOUT, run_unprivileged


def start_lock_holder(path: Path) -> subprocess.Popen:
    """Start a process that holds the lock."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from catalog import locks\n"
            "with locks.file_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)",
            str(path),
        ],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def kill(process: subprocess.Popen) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_lock_is_held_during_its_block(tmp_path):
    path = tmp_path / "locks" / "one.lock"
    with locks.file_lock(path):
        assert locks.is_locked(path)
    assert not locks.is_locked(path)


def test_a_lock_of_another_process_raises_an_error_with_its_name(tmp_path):
    process = start_lock_holder(tmp_path / "one.lock")
    try:
        busy = pytest.raises(CatalogueBusy, match=r"Another process is already doing this \(lock one\.lock\)")
        with busy, locks.file_lock(tmp_path / "one.lock", timeout=0.1):
            pass
    finally:
        kill(process)


def test_a_killed_process_releases_its_lock(tmp_path):
    path = tmp_path / "one.lock"
    process = start_lock_holder(path)
    assert locks.is_locked(path)
    kill(process)
    assert not locks.is_locked(path)


def test_waiting_ends_when_the_holder_dies(tmp_path):
    process = start_lock_holder(tmp_path / "one.lock")
    process.kill()
    with locks.file_lock(tmp_path / "one.lock", timeout=30):
        pass
    process.communicate()


def test_a_shared_lock_allows_other_shared_locks_and_no_exclusive_lock(tmp_path):
    path = tmp_path / "one.lock"
    shared = locks.file_lock(path, shared=True)
    with shared, locks.file_lock(path, shared=True), pytest.raises(CatalogueBusy), locks.file_lock(path):
        pass
    with locks.file_lock(path), pytest.raises(CatalogueBusy), locks.file_lock(path, shared=True):
        pass


def test_a_lock_is_released_when_the_block_raises(tmp_path):
    with pytest.raises(KeyError), locks.file_lock(tmp_path / "one.lock"):
        raise KeyError
    assert not locks.is_locked(tmp_path / "one.lock")


def test_a_lock_file_that_cannot_be_created_is_reported_with_its_folder(public_folder):
    public_folder.chmod(0o555)

    def hold() -> None:
        with locks.file_lock(public_folder / "locks" / "one.lock"):
            pass

    message = run_unprivileged(hold)
    assert message.startswith(StoreUnavailable.__name__)
    assert f"Cannot write to {public_folder / 'locks'}: Permission denied." in message
