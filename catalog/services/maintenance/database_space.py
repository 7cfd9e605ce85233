"""The space that the database takes on the disk."""

from django.db import connection

PAGES_AT_ONCE = 1000  # the write lock is held so long


def release() -> None:
    """Give free pages of SQLite's file back to the file system. Other databases do this by themselves."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        while (free_pages := cursor.execute("PRAGMA freelist_count").fetchone()[0]) > 0:
            cursor.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
            if cursor.execute("PRAGMA freelist_count").fetchone()[0] >= free_pages:
                break
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
