"""Restoring a backup into an empty catalogue.

Nothing is changed before the whole backup was verified. Files are written first and rows are committed last, so that a
restore that was stopped leaves an empty catalogue, and is simply started again.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from catalog.atomic_write import atomic_write
from catalog.exceptions import BackupRejected, StoreUnavailable
from catalog.models import Image, Segment
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.backup import archive, tables
from catalog.services.backup.archive import Archive
from catalog.services.index import rebuilding, store
from catalog.services.jobs.progress import Progress, ignore_progress
from catalog.services.media import files
from catalog.services.media.file_locks import file_commit_lock

RESTORING = "restoring"


@dataclass(frozen=True)
class Summary:
    """What was restored.

    Attributes:
        missing_originals: images whose original was neither in the backup nor in the media storage.
    """

    images: int
    segments: int
    missing_originals: int


def restore(path: Path, progress: Progress = ignore_progress) -> Summary:
    """Restore a backup, and make what searches derive from it.

    Raises:
        BackupRejected: the file is no intact backup that this version can restore, or the catalogue is not empty.
        StoreUnavailable: there is too little space, or a file cannot be written.
    """
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    _check_empty()
    backup = archive.read_archive(path, progress)
    _check_space(backup)
    migrations = backup.header["migrations"]
    tables.prepare_schema(migrations)
    with file_commit_lock():  # holds off the sweep, which would take the files for orphans
        _write_files(backup, progress)
        _load_tables(backup, migrations)
    call_command("migrate", verbosity=0)
    Image.objects.pending().update(pending_since=timezone.now())  # for a worker of this site
    audit.record(Action.RESTORED, target=str(path), count=Image.objects.count())
    rebuilding.maintain(progress=progress)
    missing = sum(not files.has_original(image) for image in Image.objects.order_by("pk").iterator())
    return Summary(Image.objects.count(), Segment.objects.count(), missing)


def _check_empty() -> None:
    """Raise BackupRejected if there are images or segments. All other rows, such as accounts, are replaced."""
    has_tables = Image._meta.db_table in connection.introspection.table_names()
    if has_tables and (Image.objects.exists() or Segment.objects.exists()):
        raise BackupRejected(
            "The catalogue is not empty, and a restore never replaces one. Use an empty database and an empty folder "
            "(DATABASE_URL, IMAGESEARCH_DATA_DIR)."
        )


def _check_space(backup: Archive) -> None:
    needed = {settings.FEATURES_DIR: backup.stored_bytes["features"]}
    if isinstance(default_storage, FileSystemStorage):
        needed[Path(default_storage.location)] = backup.stored_bytes["media"]
    for folder in needed:
        folder.mkdir(parents=True, exist_ok=True)
    for folder in needed:
        free, disk = shutil.disk_usage(folder).free, folder.stat().st_dev
        size = sum(needed[other] for other in needed if other.stat().st_dev == disk)
        if size > free:
            raise StoreUnavailable(
                "Restoring needs about {needed} MB in {folder}, which has {free} MB left. Free some space.",
                needed=size // 1_000_000 + 1,
                folder=folder,
                free=free // 1_000_000,
            )


def _write_files(backup: Archive, progress: Progress) -> None:
    done, total = 0, sum(backup.stored_bytes.values())
    for name, file in backup.stored_files():
        root, _, rest = name.partition("/")
        data = file.read()
        if root == "media":
            files.save(rest, data)
        else:
            with atomic_write(store.segment_path(rest)) as temp_path:
                temp_path.write_bytes(data)
        done += len(data)
        progress(RESTORING, done, total)


def _load_tables(backup: Archive, migrations: dict[str, str]) -> None:
    models = tables.models_after(migrations)
    with transaction.atomic():
        _check_empty()  # still: the site may run
        tables.clear(models)
        for model in models:
            tables.load(model, backup.lines(f"database/{model._meta.label}.jsonl"))
        tables.reset_sequences(models)
        _delete_images(models, backup.lines(archive.DELETED_IMAGES))
    ContentType.objects.clear_cache()  # they have other ids now


def _delete_images(models: list[type[Model]], digests: Iterator[bytes]) -> None:
    """Delete the images that were deleted while the backup was written."""
    image = next(model for model in models if model._meta.label == "catalog.Image")
    for digest in digests:
        image._base_manager.filter(sha256=digest.decode().strip()).delete()
