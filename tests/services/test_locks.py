"""Locks hold others off, and die with their holder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog import locks
from catalog.exceptions import CatalogueBusy, StoreUnavailable

from .conftest import CHECKOUT, without_rights


def holder(path: Path) -> subprocess.Popen:
    """A living process that holds the lock."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from catalog import locks\n"
            "with locks.held(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)",
            str(path),
        ],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def killed(process: subprocess.Popen) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_lock_is_held_for_the_length_of_its_block(tmp_path):
    path = tmp_path / "locks" / "one.lock"
    with locks.held(path):
        assert locks.is_held(path)
    assert not locks.is_held(path)


def test_a_lock_that_another_process_holds_is_refused_by_name(tmp_path):
    process = holder(tmp_path / "one.lock")
    try:
        refusal = pytest.raises(CatalogueBusy, match=r"Another process is at this already \(lock one\.lock\)")
        with refusal, locks.held(tmp_path / "one.lock", wait=0.1):
            pass
    finally:
        killed(process)


def test_a_killed_holder_lets_go(tmp_path):
    path = tmp_path / "one.lock"
    process = holder(path)
    assert locks.is_held(path)
    killed(process)
    assert not locks.is_held(path)


def test_waiting_ends_when_the_holder_dies(tmp_path):
    process = holder(tmp_path / "one.lock")
    process.kill()
    with locks.held(tmp_path / "one.lock", wait=30):
        pass
    process.communicate()


def test_a_shared_lock_is_held_by_many_and_keeps_out_whoever_wants_it_alone(tmp_path):
    path = tmp_path / "one.lock"
    shared = locks.held(path, shared=True)
    with shared, locks.held(path, shared=True), pytest.raises(CatalogueBusy), locks.held(path):
        pass
    with locks.held(path), pytest.raises(CatalogueBusy), locks.held(path, shared=True):
        pass


def test_a_lock_is_let_go_of_when_the_block_raises(tmp_path):
    with pytest.raises(KeyError), locks.held(tmp_path / "one.lock"):
        raise KeyError
    assert not locks.is_held(tmp_path / "one.lock")


def test_a_lock_that_cannot_be_made_says_where(open_folder):
    open_folder.chmod(0o555)

    def hold() -> None:
        with locks.held(open_folder / "locks" / "one.lock"):
            pass

    told = without_rights(hold)
    assert told.startswith(StoreUnavailable.__name__)
    assert f"Nothing can be written to {open_folder / 'locks'}: Permission denied." in told
