"""SQLite's files can be read by the user of the site alone."""

import pytest

from catalog.apps import make_database_private
from tests.processes import Installation

SCRIPT = """
import json
from django.contrib.sessions.backends.db import SessionStore
from django.conf import settings
SessionStore().create()
print(json.dumps({path.name: oct(path.stat().st_mode & 0o777) for path in settings.VAR_DIR.glob("db.sqlite3*")}))
"""


@pytest.mark.slow
def test_a_new_database_and_its_log_are_private(tmp_path, models_dir):
    installation = Installation(tmp_path / "new", models_dir)
    installation.migrate()
    modes = installation.run(SCRIPT)
    assert modes == dict.fromkeys(["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"], "0o600")


def test_the_files_of_an_earlier_version_become_private(settings):
    names = ["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"]
    for name in names:
        (settings.VAR_DIR / name).touch(mode=0o644)
    make_database_private({"ENGINE": "django.db.backends.sqlite3", "NAME": str(settings.VAR_DIR / "db.sqlite3")})
    assert {(settings.VAR_DIR / name).stat().st_mode & 0o777 for name in names} == {0o600}


def test_other_databases_have_no_file(settings):
    make_database_private({"ENGINE": "django.db.backends.postgresql", "NAME": str(settings.VAR_DIR / "x")})
    assert not (settings.VAR_DIR / "x").exists()
