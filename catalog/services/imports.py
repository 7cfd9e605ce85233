"""Bulk imports: files, folders and archives in, with an outcome for every file."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from catalog.exceptions import (
    ArchiveRefused,
    FolderRefused,
    ImageSearchError,
    PictureRefused,
    StoreUnavailable,
)
from catalog.imaging.archives import Entry, entries, is_archive
from catalog.imaging.names import display_name
from catalog.models import Collection, Import, ImportedFile
from catalog.services import claims, hints, indexing, uploads
from catalog.services.limits import archive_limits, picture_limits
from catalog.services.uploads import Incoming, Outcome

HANDFUL = 16
# An import whose worker died this often is not tried again: something in it must be the reason.
GIVEN_UP_AFTER = 20
UNFINISHED = (Import.State.WAITING, Import.State.RUNNING)
# Seconds: an archive lies there before the row that names it is committed.
ARCHIVE_IS_LITTER_AFTER = 24 * 3600


@dataclass(frozen=True)
class Found:
    """One file that an import came upon: its name within what was named, its folder's, and how to read it."""

    name: str
    folder: str
    read: Callable[[], bytes]


def find(paths: Sequence[Path], *, within: Path | None = None) -> Iterator[Found]:
    """Every file below `paths`, in a fixed order; archives are looked into, hidden files passed over.

    An archive's entries are unpacked as they are come upon: take them in as they come.

    Args:
        within: refuse files that lie elsewhere, which links below `paths` may lead to.

    Raises:
        FolderRefused: a path does not exist.
        ArchiveRefused: an archive among `paths` cannot be opened as a whole.
    """
    for path in paths:
        if _is_readable_archive(path):
            for entry in entries(path, archive_limits(), picture_limits()):
                yield Found(entry.name, PurePosixPath(entry.name).parent.name, _unpacked(entry))
        else:
            yield from (Found(*found) for found in _on_disk(path, within))


def count(paths: Sequence[Path]) -> int:
    """How many files `find` will come upon, without reading them. Raises as it does."""
    return sum(
        sum(
            1
            for _ in (
                entries(path, archive_limits(), picture_limits()) if _is_readable_archive(path) else _on_disk(path)
            )
        )
        for path in paths
    )


def take_in(
    found: Iterable[Found],
    *,
    collection: Collection | None = None,
    from_folders: bool = False,
    user: Any = None,
) -> Iterator[Outcome]:
    """Take files in as pending images, a handful at a time, and tell what became of each.

    Args:
        from_folders: put each image into the collection named like the folder it lies in.
    """
    found = iter(found)
    while handful := list(islice(found, HANDFUL)):
        yield from uploads.add_all(
            [Incoming(one.name, one.read, _collection(one, collection, from_folders)) for one in handful],
            user=user,
        )


def import_root() -> Path:
    """The one folder of the server below which the admin may name folders to import."""
    return Path(str(settings.IMPORT_ROOT)).resolve()


def within_import_root(raw: str) -> Path:
    """The folder on the server that somebody named. Raises FolderRefused unless it lies in the allowed root."""
    root = import_root()
    try:
        folder = (root / raw.strip()).resolve()
        is_there = folder.is_dir()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        raise FolderRefused("There is no folder {folder} on the server.", folder=display_name(raw)) from None
    if not folder.is_relative_to(root):
        raise FolderRefused(
            "{folder} lies outside {root}, the only place on the server that pictures are imported from.",
            folder=raw,
            root=root,
        )
    if not is_there:
        raise FolderRefused("There is no folder {folder} on the server.", folder=folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise FolderRefused("The folder {folder} cannot be read by the user that runs this site.", folder=folder)
    return folder


def begin(
    *,
    folder: Path | None = None,
    archive: Any = None,
    collection: Collection | None,
    from_folders: bool,
    user: Any,
) -> Import:
    """Record a bulk import of a server's `folder` or an uploaded `archive`, for a worker to run.

    Raises:
        StoreUnavailable: the archive cannot be kept.
    """
    with transaction.atomic():
        run = Import.objects.create(
            folder=str(folder or ""),
            archive=_keep(archive) if archive else "",
            name=display_name(archive.name if archive else str(folder)),
            collection=collection,
            collections_from_folders=from_folders,
            created_by=user,
        )
        hints.import_is_waiting(run.pk)
    return run


def run(pk: int) -> None:
    """Run one bulk import to its end, going on where a killed worker left it. Quiet if another is at it."""
    _run_all(Import.objects.filter(pk=pk))


def run_waiting() -> None:
    """Run every bulk import that is not finished and that nobody is at."""
    _run_all(Import.objects.all())


def sweep() -> int:
    """Remove archives that no unfinished import names, left by uploads that were killed; how many there were."""
    awaited = set(Import.objects.filter(state__in=UNFINISHED).values_list("archive", flat=True))
    long_ago = time.time() - ARCHIVE_IS_LITTER_AFTER
    litter = [
        path
        for path in settings.IMPORTS_DIR.glob("*.archive")
        if path.name not in awaited and path.stat().st_mtime < long_ago
    ]
    for path in litter:
        path.unlink(missing_ok=True)
    return len(litter)


def _run_all(imports: Any) -> None:
    unfinished = imports.filter(state__in=UNFINISHED).order_by("pk")
    if not claims.any_free(unfinished):
        return
    with claims.owner(Import) as owner:
        while claimed := claims.claim(unfinished, owner, 1):
            _run(claimed[0])
    indexing.index_pending()


def _run(run: Import) -> None:
    Import.objects.filter(pk=run.pk).update(state=Import.State.RUNNING, failure_reason="")
    try:
        if run.attempts > GIVEN_UP_AFTER:
            raise ArchiveRefused("The worker was stopped {count} times while at this import.", count=GIVEN_UP_AFTER)
        _take_all(run)
    except (ArchiveRefused, FolderRefused) as fault:
        _end(run, Import.State.FAILED, str(fault))
    except StoreUnavailable as fault:  # no fault of the import: it goes on when the disk does
        Import.objects.filter(pk=run.pk).update(state=Import.State.WAITING, failure_reason=str(fault)[:500])
        raise
    else:
        _end(run, Import.State.DONE, "")


def _take_all(run: Import) -> None:
    place = settings.IMPORTS_DIR / run.archive if run.archive else Path(run.folder)
    if run.archive and not is_archive(place):
        raise ArchiveRefused("{name} is neither a ZIP nor a TAR file. Pack the pictures into one.", name=run.name)
    Import.objects.filter(pk=run.pk).update(found=count([place]))
    done = run.files.count()
    outcomes = take_in(
        islice(find([place], within=None if run.archive else import_root()), done, None),
        collection=run.collection,
        from_folders=run.collections_from_folders,
        user=run.created_by,
    )
    for position, outcome in enumerate(outcomes, done):
        if position % HANDFUL == 0:
            claims.renew(run)
        ImportedFile.objects.update_or_create(
            run=run,
            position=position,
            defaults={
                "name": outcome.name,
                "outcome": outcome.kind,
                "reason": outcome.reason[:500],
                "image": outcome.image,
            },
        )


def _end(run: Import, state: Import.State, reason: str) -> None:
    Import.objects.filter(pk=run.pk).update(state=state, failure_reason=reason[:500], claim="", claim_expires_at=None)
    if run.archive:
        (settings.IMPORTS_DIR / run.archive).unlink(missing_ok=True)


def _keep(archive: Any) -> str:
    name = f"{uuid4().hex}.archive"
    try:
        settings.IMPORTS_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.IMPORTS_DIR / name).open("wb") as out:
            for chunk in archive.chunks():
                out.write(chunk)
    except OSError as fault:
        with suppress(OSError):
            (settings.IMPORTS_DIR / name).unlink()
        raise StoreUnavailable(
            "The archive cannot be kept below {path}: {fault}.",
            path=settings.IMPORTS_DIR,
            fault=fault.strerror,
        ) from fault
    return name


def _is_readable_archive(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK) and is_archive(path)


def _on_disk(path: Path, within: Path | None = None) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """A file, or every file of a folder: name, folder's name, and how to read it."""
    if path.is_dir():
        yield from _in_folder(path, within)
    elif path.exists():
        yield path.name, path.resolve().parent.name, partial(_read, path, within)
    else:
        raise FolderRefused("{path} does not exist.", path=path)


def _in_folder(top: Path, within: Path | None) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    unreadable: list[str] = []
    for folder, folders, files in os.walk(top, onerror=lambda fault: unreadable.append(fault.filename)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith("."):
                yield str(path.relative_to(top)), path.parent.resolve().name, partial(_read, path, within)
    # Reading one says why it cannot be read.
    yield from ((name, Path(name).name, partial(_read, Path(name))) for name in unreadable)


def _unpacked(entry: Entry) -> Callable[[], bytes]:
    """What reading an entry gives, found out now, while its archive is open."""
    try:
        data = entry.read()
    except ImageSearchError as refusal:
        return partial(_refuse, refusal)
    return lambda: data


def _refuse(refusal: ImageSearchError) -> bytes:
    raise refusal


def _read(path: Path, within: Path | None = None) -> bytes:
    limit = picture_limits().max_bytes
    if within and not path.resolve().is_relative_to(within):
        raise PictureRefused("outside", "{path} is a link that leads out of {root}.", path=path, root=within)
    try:
        if path.is_fifo():  # to open it would be to wait for somebody to write
            raise PictureRefused("special_file", "{path} is a pipe, not a file.", path=path)
        with path.open("rb") as file:
            return file.read(limit + 1)  # one too many is enough to be told so
    except OSError as fault:
        raise PictureRefused(
            "unreadable", "{path} cannot be read: {fault}.", path=path, fault=fault.strerror or fault
        ) from fault


def _collection(found: Found, collection: Collection | None, from_folders: bool) -> Collection | None:
    name = display_name(found.folder)[:120] if from_folders and found.folder else ""
    return collection_named(name) if name else collection


def collection_named(name: str) -> Collection | None:
    """The collection of that name, made if it is new; None for an empty name."""
    name = name.strip()[:120]
    return Collection.objects.get_or_create(name=name)[0] if name else None
