"""SQLite's file shrinks when rows are deleted."""

from tests.processes import Installation

SCRIPT = """
import json, os
from datetime import timedelta
from django.conf import settings
from django.db import connection
from django.utils import timezone
from catalog.models import QueryPhoto
from catalog.services.maintenance import database_space
from catalog.services.search import query_photos

past = timezone.now() - timedelta(hours=1)
for number in range(40):
    QueryPhoto.objects.create(
        owner=str(number), label="x", picture=os.urandom(200_000), space_key="s", descriptor=b"", expires_at=past
    )
def size():
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return os.path.getsize(settings.DATABASES["default"]["NAME"])
full = size()
query_photos.delete_expired()
deleted = size()
database_space.release()
print(json.dumps([full, deleted, size()]))
"""


def test_the_file_shrinks_after_query_photos_have_expired(installation: Installation):
    full, deleted, released = installation.run(SCRIPT)
    assert full > 8_000_000
    assert deleted == full, "without a release, SQLite keeps the space"
    assert released < 1_500_000
