"""Bulk imports: files, folders and archives in, with an outcome for every file."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, transaction

from catalog.durability import whole_file
from catalog.exceptions import ArchiveRefused, FolderRefused, ImageSearchError, StoreUnavailable
from catalog.imaging.archives import is_archive
from catalog.imaging.names import display_name
from catalog.models import Collection, Import, ImportedFile
from catalog.services import claims, found_files, hints, indexing, uploads
from catalog.services.found_files import Found
from catalog.services.uploads import Incoming, Outcome

logger = logging.getLogger(__name__)

HANDFUL = 16
# After so many files what came in is described, so that nobody's pictures wait for a long import to end.
DESCRIBED_AFTER = 128
# An import whose worker died this often is not tried again: something in it must be the reason.
GIVEN_UP_AFTER = 20
UNFINISHED = (Import.State.WAITING, Import.State.RUNNING)
# Seconds: an archive lies there before the row that names it is committed.
ARCHIVE_IS_LITTER_AFTER = 24 * 3600


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
    kept = _keep(archive) if archive else ""
    try:
        with transaction.atomic():
            run = Import.objects.create(
                folder=str(folder or ""),
                archive=kept,
                name=display_name(archive.name if archive else str(folder)),
                collection=collection,
                collections_from_folders=from_folders,
                created_by=user,
            )
            hints.import_is_waiting(run.pk)
    except BaseException:
        _discard(kept)
        raise
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
        try:
            while claimed := claims.claim(unfinished, owner, 1):
                _run(claimed[0])
        except (ImageSearchError, DatabaseError, KeyboardInterrupt):
            Import.objects.hand_back(owner)  # no fault of the import: it does not count against it
            raise
    indexing.index_pending()


def _run(run: Import) -> None:
    Import.objects.filter(pk=run.pk).update(state=Import.State.RUNNING, failure_reason="")
    try:
        if run.attempts > GIVEN_UP_AFTER:
            raise FolderRefused("The worker was stopped {count} times while at this import.", count=GIVEN_UP_AFTER)
        _take_all(run)
    except (ArchiveRefused, FolderRefused) as fault:
        _end(run, Import.State.FAILED, str(fault))
    except OSError as fault:
        _end(run, Import.State.FAILED, f"{fault.filename or run.name} cannot be read: {fault.strerror or fault}.")
    except StoreUnavailable as fault:  # it goes on when the disk does
        Import.objects.filter(pk=run.pk).update(state=Import.State.WAITING, failure_reason=str(fault)[:500])
        raise
    else:
        _end(run, Import.State.DONE, "")


def _take_all(run: Import) -> None:
    place = settings.IMPORTS_DIR / run.archive if run.archive else Path(run.folder)
    if run.archive and not is_archive(place):
        raise found_files.no_archive(run.name)
    Import.objects.filter(pk=run.pk).update(found=found_files.count([place]))
    found = found_files.find([place], within=None if run.archive else found_files.import_root())
    outcomes = take_in(
        _not_told_of(run, found),
        collection=run.collection,
        from_folders=run.collections_from_folders,
        user=run.created_by,
    )
    for position, outcome in enumerate(outcomes, run.files.count()):
        ImportedFile.objects.create(
            run=run,
            position=position,
            name=outcome.name,
            outcome=outcome.kind,
            reason=outcome.reason[:500],
            image=outcome.image,
        )
        if position % HANDFUL == 0:
            claims.renew(run)
        if position % DESCRIBED_AFTER == DESCRIBED_AFTER - 1:
            _describe_meanwhile()


def _not_told_of(run: Import, found: Iterable[Found]) -> Iterator[Found]:
    """Without the files that a worker which was stopped has told of already."""
    told = Counter(run.files.values_list("name", flat=True))
    for one in found:
        name = display_name(one.name)
        if told[name]:
            told[name] -= 1
        else:
            yield one


def _describe_meanwhile() -> None:
    try:
        indexing.index_pending()
    except ImageSearchError as fault:  # taking in goes on; the images wait
        logger.error("%s", fault)


def _end(run: Import, state: Import.State, reason: str) -> None:
    Import.objects.filter(pk=run.pk).update(state=state, failure_reason=reason[:500], claim="", claim_expires_at=None)
    _discard(run.archive)


def _keep(archive: Any) -> str:
    name = f"{uuid4().hex}.archive"
    try:
        with whole_file(settings.IMPORTS_DIR / name) as draft, draft.open("wb") as out:
            for chunk in archive.chunks():
                out.write(chunk)
    except OSError as fault:
        raise StoreUnavailable(
            "The archive cannot be kept below {path}: {fault}.",
            path=settings.IMPORTS_DIR,
            fault=fault.strerror,
        ) from fault
    return name


def _discard(archive: str) -> None:
    if archive:
        (settings.IMPORTS_DIR / archive).unlink(missing_ok=True)


def _collection(found: Found, collection: Collection | None, from_folders: bool) -> Collection | None:
    name = display_name(found.folder)[:120] if from_folders and found.folder else ""
    return uploads.collection_named(name) if name else collection
