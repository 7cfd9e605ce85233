"""SQLite's file shrinks when rows are deleted."""

from tests.processes import Installation

SCRIPT = """
import json, os
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from catalog.models import SavedPhoto, SavedSearch
from catalog.services.maintenance import database_space

search = SavedSearch.objects.create(name="one", user=User.objects.create_user("ursula"))
for number in range(40):
    SavedPhoto.objects.create(
        search=search, token=str(number), label="x", picture=os.urandom(200_000), space_key="s", descriptor=b""
    )
def size():
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return os.path.getsize(settings.DATABASES["default"]["NAME"])
full = size()
search.delete()
deleted = size()
database_space.release()
print(json.dumps([full, deleted, size()]))
"""


def test_the_file_shrinks_after_a_saved_search_was_deleted(installation: Installation):
    full, deleted, released = installation.run(SCRIPT)
    assert full > 8_000_000
    assert deleted == full, "without a release, SQLite keeps the space"
    assert released < 1_500_000
