"""Faults of the database, as faults that a person can do something about."""

from django.conf import settings
from django.db import InterfaceError, OperationalError, ProgrammingError

from catalog.exceptions import CatalogueBusy, ImageSearchError, StoreUnavailable

# What SQLite and PostgreSQL say where the disk refuses.
REFUSALS = (
    "disk is full",
    "disk I/O error",
    "readonly database",
    "unable to open database file",
    "No space left on device",
    "could not extend file",
)


# What they raise where the fault is not ours: locked, full, away, or without tables.
FAULTS = (OperationalError, ProgrammingError, InterfaceError)


def explained(fault: Exception) -> ImageSearchError:
    """What is wrong, and what to do."""
    told = str(fault).strip()
    if "no such table" in told or ("relation" in told and "does not exist" in told):
        return CatalogueBusy("The database has no tables yet. Run: python manage.py migrate")
    if "locked" in told:
        return CatalogueBusy("The database stayed locked by another process. Nothing was lost: try again.")
    if any(refusal in told for refusal in REFUSALS):
        return StoreUnavailable(
            "The database cannot be written to: {fault}. Free some space, or give this user the right to write "
            "below {path}; what was accepted before is not lost.",
            fault=told,
            path=settings.VAR_DIR,
        )
    return CatalogueBusy("The database does not answer: {fault}. Nothing was lost: try again.", fault=told)
