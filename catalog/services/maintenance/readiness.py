"""Whether this process can serve requests, and whether the background processes keep up."""

import logging
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import Error, connection
from django.utils import timezone

from catalog.exceptions import ImageSearchError
from catalog.models import Image
from catalog.services.backup import daily
from catalog.services.index import spaces
from catalog.services.index.live_index import INDEX, engine
from catalog.services.monitoring import beat_sign

logger = logging.getLogger(__name__)

# Beat sends a task every 30 seconds.
MAX_BEAT_SECONDS = 120
# Pending images are noticed after 30 seconds. A batch keeps its lease while it is being indexed.
MAX_WAIT = timedelta(minutes=15)
# Backups are written each day, or two hours later by a worker that is busy.
MAX_BACKUP_AGE = timedelta(hours=26)
PROBE_BYTES = 4096
DISK_MESSAGE = "The disk is full, or a folder cannot be read or written."


class State(StrEnum):
    """From best to worst. A degraded site answers all requests: some images are not found, or not yet."""

    READY = "ready"
    DEGRADED = "degraded"
    FAILED = "failed"


class Check(NamedTuple):
    """The result of one check. `message` is for everybody: it has no paths and no numbers of the catalogue."""

    state: State
    message: str = ""


def check_readiness() -> dict[str, Check]:
    """Run all checks and return their results by name. No search is run; errors of the database or disk are results."""
    return {name: _run(check) for name, check in CHECKS.items()}


def recent_checks() -> dict[str, Check]:
    """Return results that are a second old at most: everybody may ask for them, so that they must stay cheap."""
    return _checks_in(int(time.monotonic()))


@lru_cache(maxsize=1)
def _checks_in(second: int) -> dict[str, Check]:
    return check_readiness()


def overall_state(checks: dict[str, Check]) -> State:
    """Return the worst state."""
    return max((check.state for check in checks.values()), key=list(State).index)


def _run(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Error as error:
        logger.warning("The site is not ready: %s", error)
        return Check(State.FAILED, "The database does not answer.")
    except OSError as error:
        logger.warning("The site is not ready: %s", error)
        return Check(State.FAILED, DISK_MESSAGE)


def _check_database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check(State.READY)


def _check_store() -> Check:
    """Write a file without a name to each local folder that uploads are written to."""
    folders = [settings.FEATURES_DIR]
    if isinstance(default_storage, FileSystemStorage):
        folders.append(Path(default_storage.location))
    for folder in folders:
        try:
            existing_folder = next(path for path in (folder, *folder.parents) if path.exists())
            with tempfile.TemporaryFile(dir=existing_folder, buffering=0) as file:
                file.write(bytes(PROBE_BYTES))
            list(zip(range(1), existing_folder.iterdir(), strict=False))
        except OSError as error:
            logger.warning("The site is not ready: %s: %s", folder, error)
            return Check(State.FAILED, DISK_MESSAGE)
    return Check(State.READY)


def _check_index() -> Check:
    """Open what this process has not opened yet, so that the first search does not wait for it."""
    generation = spaces.active_generation()
    if generation is None:
        return Check(State.READY, "No image is searchable yet.")
    try:
        spaces.check_network(generation)
        engine().check()
        if INDEX.view(generation).damaged:
            return Check(State.DEGRADED, "Part of the index is damaged.")
    except ImageSearchError as error:
        logger.warning("The site is not ready: %s", error)
        return Check(State.FAILED, "The index or the network cannot be loaded.")
    return Check(State.READY)


def _check_queue() -> Check:
    since, now = Image.objects.waiting_since(), timezone.now()
    if since and now - since > MAX_WAIT and not Image.objects.pending().filter(lease_expires_at__gt=now).exists():
        return Check(State.DEGRADED, "Images have been waiting for a worker for a long time.")
    return Check(State.READY)


def _check_beat() -> Check:
    seconds = beat_sign.seconds_since()
    if seconds is None or seconds > MAX_BEAT_SECONDS:
        return Check(State.DEGRADED, "celery beat does not run, or does not reach the broker.")
    return Check(State.READY)


def _check_backup() -> Check:
    """A catalogue that was never backed up gets as long as one that was, from its first image on."""
    if settings.BACKUP_DIR is None:
        return Check(State.READY, "No folder for backups is configured.")
    try:
        last = daily.last_backup_at()
    except OSError as error:
        logger.warning("The backups cannot be read: %s", error)
        return Check(State.DEGRADED, "The folder of the backups cannot be read.")
    since = last or Image.objects.order_by("pk").values_list("created_at", flat=True).first()
    if since and timezone.now() - since > MAX_BACKUP_AGE:
        return Check(State.DEGRADED, "The last daily backup is too old, or there is none.")
    return Check(State.READY, f"The last backup was written at {last:%Y-%m-%dT%H:%MZ}." if last else "No backup yet.")


CHECKS = {
    "database": _check_database,
    "store": _check_store,
    "index": _check_index,
    "queue": _check_queue,
    "beat": _check_beat,
    "backup": _check_backup,
}
