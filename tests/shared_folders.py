"""Folders that take long to fill, filled once for all processes of a test run."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def fill_once(tmp_path_factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder `name` of this test run. The first process that asks for it fills it, and others wait.

    pytest-xdist gives each process a folder in the folder of the run:
    https://pytest-xdist.readthedocs.io/en/stable/how-to.html#making-session-scoped-fixtures-execute-only-once
    """
    own_dir = tmp_path_factory.getbasetemp()
    run_dir = own_dir.parent if "PYTEST_XDIST_WORKER" in os.environ else own_dir
    folder, filled = run_dir / name, run_dir / f"{name}.filled"
    with (run_dir / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            folder.mkdir()
            fill(folder)
            filled.touch()
    return folder
