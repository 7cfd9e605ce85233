"""A file is there whole, or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.durability import DRAFT, whole_file

from .conftest import CHECKOUT


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_file_stands_when_the_block_has_ended(place):
    with whole_file(place / "new" / "one") as draft:
        draft.write_text("whole")
        assert not (place / "new" / "one").exists()
    assert (place / "new" / "one").read_text() == "whole"
    assert names_in(place / "new") == ["one"]


def test_a_block_that_raises_leaves_what_was_there(place):
    (place / "one").write_text("old")
    with pytest.raises(KeyError), whole_file(place / "one") as draft:
        draft.write_text("ne")
        raise KeyError
    assert (place / "one").read_text() == "old"
    assert names_in(place) == ["one"]


def test_a_block_that_writes_nothing_is_a_fault(place):
    with pytest.raises(FileNotFoundError), whole_file(place / "one"):
        pass
    assert names_in(place) == []


def test_a_writer_that_is_killed_leaves_a_draft_and_nothing_else(place):
    script = (
        "import os, signal, sys; from pathlib import Path; from catalog.durability import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('ha')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(place / "one")], cwd=CHECKOUT, check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = names_in(place)
    assert left.endswith(DRAFT)
