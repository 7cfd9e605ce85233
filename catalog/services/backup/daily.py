"""The daily backup into IMAGESEARCH_BACKUP_DIR. The newest file there says when the last one was written."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from catalog import locks
from catalog.atomic_write import TEMP_SUFFIX
from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.services.backup import creation

logger = logging.getLogger(__name__)

# A little less than a day, so that a check each hour keeps the time of day.
INTERVAL = timedelta(hours=23, minutes=30)
KEPT_BACKUPS = 7
# Of the daily backups: others in the folder are not counted, and not deleted.
NAME_FORMAT, NAME_PATTERN = "imagesearch-%Y-%m-%dT%H%M%SZ.tar", "imagesearch-????-??-??T??????Z.tar"


def run_if_due() -> None:
    """Write a backup if there is a folder for them and the last one is a day old. Keep the last `KEPT_BACKUPS`.

    Raises:
        StoreUnavailable: the folder cannot be written to, or has too little space.
        BackupRejected: the database is of an earlier version.
    """
    folder: Path | None = settings.BACKUP_DIR
    if folder is None:
        return
    try:
        with locks.file_lock(settings.LOCKS_DIR / "backup.lock"):
            if _is_due():
                _write(folder)
    except CatalogueBusy:
        logger.info("Another process is writing a backup.")
    except OSError as error:
        raise StoreUnavailable(
            "The daily backup could not be written to {folder}: {error}.", folder=folder, error=error.strerror or error
        ) from error


def last_backup_at() -> datetime | None:
    """When the last daily backup was completed; None if there is none."""
    backups = _backups(settings.BACKUP_DIR) if settings.BACKUP_DIR else []
    return _modified_at(backups[-1]) if backups else None


def _is_due() -> bool:
    last = last_backup_at()
    return last is None or timezone.now() - last >= INTERVAL


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f".*{TEMP_SUFFIX}"):
        if timezone.now() - _modified_at(path) >= INTERVAL:  # else somebody may be writing it
            path.unlink()
    summary = creation.create(folder / timezone.now().strftime(NAME_FORMAT))
    for name in summary.missing + summary.damaged:
        logger.warning("%s is missing or damaged. Run: python manage.py check_index --repair", name)
    for old in _backups(folder)[:-KEPT_BACKUPS]:
        old.unlink()


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _backups(folder: Path) -> list[Path]:
    """The backups in `folder`, the last one at the end: their names begin with the time."""
    return sorted(folder.glob(NAME_PATTERN))
