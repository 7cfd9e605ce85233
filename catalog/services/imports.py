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
from catalog.models import Collection, Image, Import, ImportedFile
from catalog.services import claims, found_files, hints, indexing, uploads
from catalog.services.alongside import Alongside
from catalog.services.found_files import Found
from catalog.services.uploads import Arrival, Begun, Hands, Incoming, Kind, Outcome

logger = logging.getLogger(__name__)

# Two handfuls are in memory at once: one is stored while threads are at the next one's pixels.
HANDFUL = indexing.BATCH
HANDFUL_BYTES = 32 * 1024**2
READ_AT_ONCE = 8
# After so many handfuls what others added is described, so that nobody's pictures wait for a long import to end.
DESCRIBES_OTHERS_EVERY = 4
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
    describer: Alongside | None = None,
) -> Iterator[list[Outcome]]:
    """Take files in as pending images, and tell what became of them, a handful at a time.

    While threads are at the pixels of one handful, the one before is stored and inserted. Where `found` raises, the
    files before come in first.

    Args:
        from_folders: put each image into the collection named like the folder it lies in.
        describer: is given the new images.
    """
    with uploads.hands() as threads:
        begun: Begun | None = None
        for arrivals in _handfuls(found, threads, collection, from_folders):
            extractor = describer.extractor() if describer and arrivals else None
            upcoming = uploads.begin(arrivals, threads, extractor)
            if begun:
                claim = describer.claimed_at_birth() if describer else {}
                outcomes = uploads.end(begun, threads, user=user, **claim)
                yield outcomes  # told of before it is waited for the network
                if describer:
                    new = [outcome.image for outcome in outcomes if outcome.image and outcome.kind is Kind.ADDED]
                    describer.take(new, begun.prepared, begun.extractor)
            begun = upcoming


def _handfuls(
    found: Iterable[Found], threads: Hands, collection: Collection | None, from_folders: bool
) -> Iterator[list[Arrival]]:
    """Files that were read; after the last an empty handful, and then what `found` raised."""
    faults: list[Exception] = []
    steady = _until_a_fault(found, faults)
    handful: list[Arrival] = []
    while some := list(islice(steady, min(READ_AT_ONCE, HANDFUL))):
        handful += uploads.read(_incoming(some, collection, from_folders), threads)
        if len(handful) >= HANDFUL or sum(len(arrival.data) for arrival in handful) >= HANDFUL_BYTES:
            yield handful
            handful = []
    if handful:
        yield handful
    yield []
    if faults:
        raise faults[0]


def _until_a_fault(found: Iterable[Found], faults: list[Exception]) -> Iterator[Found]:
    try:
        yield from found
    except (ImageSearchError, OSError) as fault:
        faults.append(fault)


def _incoming(some: list[Found], collection: Collection | None, from_folders: bool) -> list[Incoming]:
    named = {one.folder: display_name(one.folder)[:120] for one in some if from_folders and one.folder}
    collections = {folder: uploads.collection_named(name) for folder, name in named.items()}
    return [Incoming(one.name, one.read, collections.get(one.folder, collection)) for one in some]


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
    with Alongside() as describer:
        handfuls = take_in(
            _not_told_of(run, found),
            collection=run.collection,
            from_folders=run.collections_from_folders,
            user=run.created_by,
            describer=describer,
        )
        for number, outcomes in enumerate(handfuls, 1):
            _tell(run, outcomes)
            claims.renew(run)
            if number % DESCRIBES_OTHERS_EVERY == 0:
                _describe_others()


def _tell(run: Import, outcomes: list[Outcome]) -> None:
    images = [outcome.image.pk for outcome in outcomes if outcome.image]
    there = set(Image.objects.filter(pk__in=images).values_list("pk", flat=True))  # nobody has deleted them yet
    ImportedFile.objects.bulk_create(
        [
            ImportedFile(
                run=run,
                position=position,
                name=outcome.name,
                outcome=outcome.kind,
                reason=outcome.reason[:500],
                image=outcome.image if outcome.image and outcome.image.pk in there else None,
            )
            for position, outcome in enumerate(outcomes, run.files.count())
        ]
    )


def _not_told_of(run: Import, found: Iterable[Found]) -> Iterator[Found]:
    """Without the files that a worker which was stopped has told of already."""
    told = Counter(run.files.values_list("name", flat=True))
    for one in found:
        name = display_name(one.name)
        if told[name]:
            told[name] -= 1
        else:
            yield one


def _describe_others() -> None:
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
