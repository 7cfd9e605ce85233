"""Nothing that was acknowledged is lost when the power fails, or a process is killed."""

import os
import random

import pytest

from benchmarks.power_loss.disk import Disk
from benchmarks.power_loss.processes import Losses
from catalog.atomic_write import atomic_write


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A function that starts to follow a folder with one file, and returns what may be left of it."""
    root = tmp_path / "root"
    (root / "var").mkdir(parents=True)
    (root / "old").write_text("old")
    (tmp_path / "pins").mkdir()
    disk = Disk(root, tmp_path / "pins", lambda: None)
    monkeypatch.setattr(os, "fsync", os.fsync)  # which `start` replaces
    disk.start()

    def states(change):
        change(root)
        found = set()
        for seed in range(40):
            target = tmp_path / str(seed)
            disk.lose_power(target, random.Random(seed), keeps_commits=True)  # noqa: S311
            found.add(tuple(sorted((path.name, path.read_text()) for path in target.rglob("*") if path.is_file())))
        return found

    return states


def test_what_is_not_synced_may_be_lost(disk):
    def change(root):
        (root / "new").write_text("new")
        (root / "old").unlink()

    old, new, empty = ("old", "old"), ("new", "new"), ("new", "")
    assert disk(change) == {(old,), (), (new, old), (new,), (empty, old), (empty,)}


def test_what_is_written_atomically_is_durable(disk):
    def change(root):
        with atomic_write(root / "folder" / "new") as temp_path:
            temp_path.write_text("new")

    assert disk(change) == {(("new", "new"), ("old", "old"))}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost(tmp_path):
    losses = Losses(tmp_path, seed=0)
    for number in range(6):
        losses.run(kill=number % 3 == 2)
    losses.check()
    assert losses.figures()["problems"] == []
    assert losses.figures()["mean_images"] > 1
