"""Translation of database errors into errors of the catalogue, with messages that say what to do."""

from django.conf import settings
from django.db import InterfaceError, OperationalError, ProgrammingError

from catalog.exceptions import CatalogueBusy, ImageSearchError, Internal, StoreUnavailable

# Parts of the messages of SQLite and PostgreSQL that mean that the disk is full or not writable.
STORAGE_ERROR_MESSAGES = (
    "disk is full",
    "disk I/O error",
    "readonly database",
    "unable to open database file",
    "No space left on device",
    "could not extend file",
)

# Raised if the database is locked, full or not available, or has no tables.
DATABASE_ERRORS = (OperationalError, ProgrammingError, InterfaceError)


def to_catalog_error(error: Exception) -> ImageSearchError:
    """Return the error to report for one of `DATABASE_ERRORS`."""
    message = str(error).strip()
    if "no such table" in message or ("relation" in message and "does not exist" in message):
        return CatalogueBusy("The database has no tables yet. Run: python manage.py migrate")
    if "locked" in message:
        return CatalogueBusy("The database is locked by another process. Nothing was lost. Try again.")
    if any(fragment in message for fragment in STORAGE_ERROR_MESSAGES):
        return StoreUnavailable(
            "The database is not writable: {error}. Free disk space, or give this user write permission for {path}. "
            "No saved data was lost.",
            error=Internal(message),
            path=settings.VAR_DIR,
        )
    return CatalogueBusy(
        "The database is not available: {error}. Nothing was lost. Try again.", error=Internal(message)
    )
