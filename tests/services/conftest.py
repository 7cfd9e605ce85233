"""Installations that real processes work on, and a user without rights."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NOBODY = 65534


class Installation:
    """A data folder with migrated tables, and processes that work on it."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
        self._environment |= {
            "IMAGESEARCH_DATA_DIR": str(folder),
            "IMAGESEARCH_EXTRACTOR": "vgg16-compact",
            "IMAGESEARCH_THREADS": "2",
            "DJANGO_SETTINGS_MODULE": "imagesearch.settings",
        }
        for elsewhere in ("DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL"):
            self._environment.pop(elsewhere, None)
        (folder / "var").mkdir(parents=True, exist_ok=True)
        (folder / "var" / "models").symlink_to(models)

    def start(self, script: str) -> subprocess.Popen:
        """Start a process that runs `script`, with Django set up."""
        return subprocess.Popen(
            [sys.executable, "-c", f"import django; django.setup()\n{script}"],
            cwd=CHECKOUT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> Any:
        """What `script` prints last, read as JSON."""
        return answer_of(self.start(script))

    def migrate(self) -> None:
        self.run("from django.core.management import call_command; call_command('migrate', verbosity=0); print(0)")


def answer_of(process: subprocess.Popen) -> Any:
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Path:
    """The database of an empty installation, made once."""
    made = Installation(tmp_path_factory.mktemp("migrated"), models_dir)
    made.migrate()
    return made.folder / "var" / "db.sqlite3"


@pytest.fixture
def installation(tmp_path: Path, migrated: Path, models_dir: Path) -> Installation:
    made = Installation(tmp_path / "installation", models_dir)
    shutil.copy(migrated, made.folder / "var" / "db.sqlite3")
    return made


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, other than pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def without_rights(action: Callable[[], object]) -> str:
    """What `action` returns, as text, in a process whose user may write nowhere that is not open to all.

    A folder that is closed to its owner stops root from nothing.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            told = str(action())
        except BaseException as fault:
            told = f"{type(fault).__name__}: {fault}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told
