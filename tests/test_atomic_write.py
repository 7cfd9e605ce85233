"""Tests of atomic, durable writing of files."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.atomic_write import TEMP_SUFFIX, atomic_write
from tests.processes import CHECKOUT


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def list_names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_file_exists_when_the_block_has_ended(target):
    with atomic_write(target / "new" / "one") as temp_path:
        temp_path.write_text("whole")
        assert not (target / "new" / "one").exists()
    assert (target / "new" / "one").read_text() == "whole"
    assert list_names(target / "new") == ["one"]


def test_a_block_that_raises_leaves_the_old_file(target):
    (target / "one").write_text("old")
    with pytest.raises(KeyError), atomic_write(target / "one") as temp_path:
        temp_path.write_text("ne")
        raise KeyError
    assert (target / "one").read_text() == "old"
    assert list_names(target) == ["one"]


def test_a_block_that_writes_nothing_raises(target):
    with pytest.raises(FileNotFoundError), atomic_write(target / "one"):
        pass
    assert list_names(target) == []


def test_a_killed_writer_leaves_only_a_temp_file(target):
    script = (
        "import os, signal, sys; from pathlib import Path; from catalog.atomic_write import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as temp_path:\n"
        "    temp_path.write_text('ha')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    completed = subprocess.run([sys.executable, "-c", script, str(target / "one")], cwd=CHECKOUT, check=False)
    assert completed.returncode == -signal.SIGKILL
    (left,) = list_names(target)
    assert left.endswith(TEMP_SUFFIX)
