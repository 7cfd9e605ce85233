"""Writing a backup while the site runs.

The database is read first, as it was at one moment, and the segments that it names are opened: an open file can be read
after a merge has deleted it. Everything else that the backup needs is never changed, only deleted. An image that
somebody deletes before its files were copied is noted, and is not restored.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from catalog.exceptions import StoreUnavailable
from catalog.models import FeatureSpace, Image, Segment
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.backup import archive, tables
from catalog.services.backup.archive import ArchiveWriter
from catalog.services.index import spaces, store
from catalog.services.jobs.progress import Progress, ignore_progress
from catalog.services.media import files

SNAPSHOT_ATTEMPTS = 5
# For the check of the free space only.
THUMBNAIL_BYTES = 20_000
COPYING = "copying pictures"


@dataclass
class Summary:
    """What a backup contains.

    Attributes:
        missing, damaged: names of files of the catalogue that are lost, or are not what the database says. The backup
            contains everything else, and the damaged files as they are.
        deleted: images that were deleted meanwhile, so that a restore leaves them out.
    """

    images: int = 0
    segments: int = 0

    deleted: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, int]:
        """The numbers."""
        return asdict(self) | {"missing": len(self.missing), "damaged": len(self.damaged)}


@dataclass
class _Snapshot:
    """The database at one moment, and the open segments that it names. `digest`s are empty in old rows."""

    header: dict[str, Any]
    tables: dict[str, IO[bytes]]
    segments: list[tuple[str, str, IO[bytes] | None]]
    picture_bytes: int


def create(path: Path, *, with_originals: bool = True, progress: Progress = ignore_progress) -> Summary:
    """Write a backup to `path`, which appears when it is complete. An existing file is replaced.

    Raises:
        BackupRejected: the database is of an earlier version.
        StoreUnavailable: there is too little space, or the media storage is not available.
        OSError: the file cannot be written.
    """
    summary = Summary()
    with ExitStack() as open_files, archive.create_archive(path) as writer:
        snapshot = _take_snapshot(path.parent, with_originals, open_files)
        _check_space(snapshot, path.parent)
        writer.add_json(archive.HEADER, snapshot.header)
        for label, file in snapshot.tables.items():
            writer.add(f"database/{label}.jsonl", file)
        for name, digest, segment_file in snapshot.segments:
            _add(writer, f"features/{name}", digest, segment_file, summary)
        summary.segments = len(snapshot.segments)
        _add_pictures(writer, snapshot, summary, progress)
    audit.record(Action.BACKED_UP, target=str(path), count=summary.images)
    return summary


def _take_snapshot(
    folder: Path, with_originals: bool, open_files: ExitStack, attempts: int = SNAPSHOT_ATTEMPTS
) -> _Snapshot:
    """Take a snapshot whose segments are all there: a merge may delete some before they are opened.

    After `attempts` without success, segments are missing for good.
    """
    migrations = tables.current_migrations()
    with ExitStack() as opened, tables.snapshot():
        segments = [
            (name, digest, _open_segment(name, opened))
            for name, digest in Segment.objects.order_by("pk").values_list("name", "digest")
        ]
        if attempts == 1 or all(file for _, _, file in segments):
            header, dumped = _describe(migrations, with_originals), _dump_tables(migrations, folder, opened)
            picture_bytes = Image.objects.aggregate(total=Sum("bytes"))["total"] or 0
            open_files.push(opened.pop_all())
            return _Snapshot(header, dumped, segments, picture_bytes)
    return _take_snapshot(folder, with_originals, open_files, attempts - 1)


def _open_segment(name: str, opened: ExitStack) -> IO[bytes] | None:
    with suppress(FileNotFoundError):
        return opened.enter_context(store.segment_path(name).open("rb"))
    return None


def _dump_tables(migrations: dict[str, str], folder: Path, opened: ExitStack) -> dict[str, IO[bytes]]:
    """The contents of each table, in files without a name."""
    dumped: dict[str, IO[bytes]] = {}
    for model in tables.models_after(migrations):
        file = opened.enter_context(TemporaryFile(dir=folder))  # noqa: SIM115, closed by `opened`
        tables.dump(model, file)
        dumped[model._meta.label] = file
    return dumped


def _describe(migrations: dict[str, str], with_originals: bool) -> dict[str, Any]:
    """What a person or a later version needs to know about a backup."""
    active = spaces.active_space()
    return {
        "format": archive.FORMAT,
        "created_at": timezone.now().isoformat(),
        "database": connection.vendor,
        "migrations": migrations,
        "images": Image.objects.count(),
        "segments": Segment.objects.count(),
        "originals": with_originals,
        "active_space": active.key if active else None,
        "feature_spaces": list(FeatureSpace.objects.order_by("pk").values("key", "extractor", "description")),
        "settings": {"extractor": settings.EXTRACTOR, "local_vector_index": settings.VECTOR_INDEX is None},
    }


def _check_space(snapshot: _Snapshot, folder: Path) -> None:
    opened = [*snapshot.tables.values(), *(file for _, _, file in snapshot.segments if file)]
    needed = sum(file.seek(0, 2) for file in opened) + THUMBNAIL_BYTES * snapshot.header["images"]
    needed += snapshot.picture_bytes if snapshot.header["originals"] else 0
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StoreUnavailable(
            "The backup needs about {needed} MB, and {folder} has {free} MB left. Free some space, choose another "
            "folder, or leave out the originals: --without-originals",
            needed=needed // 1_000_000 + 1,
            folder=folder,
            free=free // 1_000_000,
        )


def _add(writer: ArchiveWriter, name: str, digest: str, file: IO[bytes] | None, summary: Summary) -> None:
    """Add a file and compare its digest with the expected one, if that is known."""
    if file is None:
        summary.missing.append(name)
    elif writer.add(name, file) != digest and digest:
        summary.damaged.append(name)


def _add_pictures(writer: ArchiveWriter, snapshot: _Snapshot, summary: Summary, progress: Progress) -> None:
    """Add the thumbnails and the originals, or a list of these, and list the images that were deleted meanwhile."""
    with_originals = snapshot.header["originals"]
    with TemporaryFile() as originals, TemporaryFile() as deleted:
        for done, (sha256, original, thumbnail) in enumerate(_image_files(snapshot.tables["catalog.Image"]), 1):
            wanted = {f"media/{thumbnail}": ""} | ({f"media/{original}": sha256} if with_originals else {})
            missing = [name for name, digest in wanted.items() if not _add_picture(writer, name, digest, summary)]
            if missing and not Image.objects.filter(sha256=sha256).exists():
                deleted.write(f"{sha256}\n".encode())
                summary.deleted += 1
            else:
                originals.write(f"{sha256}  media/{original}\n".encode())
                summary.missing += missing
                summary.images += 1
            progress(COPYING, done, snapshot.header["images"])
        if not with_originals:
            writer.add(archive.ORIGINALS_LIST, originals)
        writer.add(archive.DELETED_IMAGES, deleted)


def _image_files(table: IO[bytes]) -> Iterator[tuple[str, str, str]]:
    """Digest, original and thumbnail of each image in the dumped table."""
    table.seek(0)
    columns = json.loads(table.readline())
    sha256, original, thumbnail = (columns.index(name) for name in ("sha256", "original", "thumbnail"))
    for row in map(json.loads, table):
        yield row[sha256], row[original], row[thumbnail]


def _add_picture(writer: ArchiveWriter, name: str, digest: str, summary: Summary) -> bool:
    """Add a file of the media storage; `name` is that in the backup. Return whether the file exists."""
    try:
        with (
            files.storage_errors(files.READ_FAILED_MESSAGE),
            default_storage.open(name.removeprefix("media/")) as file,
        ):
            data = BytesIO(file.read())
    except FileNotFoundError:
        return False
    _add(writer, name, digest, data, summary)
    return True
