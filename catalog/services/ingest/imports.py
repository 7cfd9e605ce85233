"""Bulk imports of files, folders and archives, with a result for each file."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL
from uuid import uuid4

from django.conf import settings
from django.core.files.base import File
from django.db import transaction

from catalog.atomic_write import atomic_write
from catalog.exceptions import ArchiveRejected, FolderRejected, ImageSearchError, StoreUnavailable
from catalog.imaging.archives import is_archive
from catalog.imaging.filenames import sanitise_filename
from catalog.models import AuditEntry, Collection, Image, Import, ImportedFile
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction
from catalog.services.ingest import sources
from catalog.services.ingest.batch import PreparedBatch, ReadFile, ThreadPools, prepare_batch, read_batch, thread_pools
from catalog.services.ingest.collections import MAX_NAME_LENGTH, get_or_create_collection
from catalog.services.ingest.commit import FileResult, commit_batch
from catalog.services.ingest.inline_indexing import InlineIndexer
from catalog.services.ingest.sources import SourceFile
from catalog.services.jobs import dispatch, leases
from catalog.services.jobs.queue import JobQueue

# A batch ends at `settings.BATCH_SIZE` files or at this size. Two batches are in memory at once.
MAX_BATCH_BYTES = 32 * 1024**2
FILES_PER_READ = 8
# Pending images of other users are indexed after so many batches of a long import.
BATCHES_BETWEEN_INDEXING = 4
# An import fails if its worker died this often.
MAX_ATTEMPTS = 20
# An archive is stored before the row that references it is committed.
MIN_ORPHAN_AGE_SECONDS = 24 * 3600


def import_files(  # noqa: PLR0913, all but one are keyword-only
    source_files: Iterable[SourceFile],
    *,
    collection: Collection | None = None,
    from_folders: bool = False,
    user: Any = None,
    indexer: InlineIndexer | None = None,
    entry: AuditEntry | None = None,
) -> Iterator[list[FileResult]]:
    """Add files to the catalogue as pending images. Yields the results of one batch at a time.

    Threads decode the pictures of one batch while the previous batch is committed. If `source_files` raises an
    exception, the files before it are added first.

    Args:
        from_folders: add each image to the collection with the name of its folder.
        user: the account that imports, or None.
        indexer: indexes the new images.
        entry: of the audit log, counts the new images; None to record each batch.
    """
    with thread_pools() as pools:
        batch: PreparedBatch | None = None
        for read_files in _iter_batches(source_files, pools, collection, from_folders):
            extractor = indexer.extractor() if indexer and read_files else None
            next_batch = prepare_batch(read_files, pools, extractor)
            if batch:
                lease = indexer.new_lease() if indexer else None
                results = commit_batch(batch, pools, user=user, lease=lease, entry=entry)
                yield results  # before `submit`, which may wait for the network
                if indexer:
                    new_images = [
                        result.image
                        for result in results
                        if result.image and result.outcome is ImportedFile.Outcome.ADDED
                    ]
                    indexer.submit(new_images, batch.prepared, batch.extractor)
            batch = next_batch


def _iter_batches(
    source_files: Iterable[SourceFile], pools: ThreadPools, collection: Collection | None, from_folders: bool
) -> Iterator[list[ReadFile]]:
    """Read files in batches. The last batch is empty; after it the exception of `source_files` is raised, if any."""
    errors: list[Exception] = []
    readable_files = _stop_on_error(source_files, errors)
    batch: list[ReadFile] = []
    while chunk := list(islice(readable_files, min(FILES_PER_READ, settings.BATCH_SIZE))):
        batch += read_batch(_choose_collections(chunk, collection, from_folders), pools)
        if len(batch) >= settings.BATCH_SIZE or sum(len(read_file.data) for read_file in batch) >= MAX_BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch
    yield []
    if errors:
        raise errors[0]


def _stop_on_error(source_files: Iterable[SourceFile], errors: list[Exception]) -> Iterator[SourceFile]:
    try:
        yield from source_files
    except (ImageSearchError, OSError) as error:
        errors.append(error)


def _choose_collections(
    source_files: list[SourceFile], collection: Collection | None, from_folders: bool
) -> list[SourceFile]:
    names = {
        source_file.folder: sanitise_filename(source_file.folder)[:MAX_NAME_LENGTH]
        for source_file in source_files
        if from_folders and source_file.folder
    }
    collections = {folder: get_or_create_collection(name) for folder, name in names.items()}
    return [
        replace(source_file, collection=collections.get(source_file.folder, collection)) for source_file in source_files
    ]


def enqueue(
    *,
    folder: Path | None = None,
    archive: File | None = None,
    collection: Collection | None,
    from_folders: bool,
    user: Any,
) -> Import:
    """Request a bulk import of a `folder` on the server or an uploaded `archive`, for a worker to run.

    Raises:
        StoreUnavailable: the archive cannot be stored.
    """
    archive_name = _store_archive(archive) if archive else ""
    try:
        with transaction.atomic():
            run = Import.objects.create(
                folder=str(folder or ""),
                archive=archive_name,
                name=sanitise_filename((archive.name or "") if archive else str(folder)),
                collection=collection,
                collections_from_folders=from_folders,
                created_by=user,
            )
            audit.record(Action.IMPORTED, run, count=0)
            dispatch.notify_import(run.pk)
    except BaseException:
        _delete_archive(archive_name)
        raise
    return run


def run(pk: int) -> None:
    """Run one bulk import. Does nothing if it does not exist, is finished or is being run by another worker.

    An import whose worker was killed continues after the last recorded file.

    Raises:
        StoreUnavailable: files cannot be written; the import waits for the next call.
    """
    _run_jobs(pk=pk)


def run_waiting() -> None:
    """Run every unfinished bulk import that no other worker runs. Raises like `run`."""
    _run_jobs()


def _run_jobs(**filters: int) -> None:
    if QUEUE.run(QUEUE.unfinished().filter(**filters)):
        extraction.index_pending()


def delete_orphan_archives() -> int:
    """Delete archives that no unfinished import references, such as those of killed uploads. Returns their number."""
    referenced = set(QUEUE.unfinished().values_list("archive", flat=True))
    cutoff = time.time() - MIN_ORPHAN_AGE_SECONDS
    orphan_paths = [
        path
        for path in settings.IMPORTS_DIR.glob("*.archive")
        if path.name not in referenced and path.stat().st_mtime < cutoff
    ]
    for path in orphan_paths:
        path.unlink(missing_ok=True)
    return len(orphan_paths)


def _execute(run: Import) -> None:
    try:
        _import_all(run)
    except OSError as error:
        raise FolderRejected(
            "{path} could not be read: {error}.", path=error.filename or run.name, error=error.strerror or error
        ) from error


def _import_all(run: Import) -> None:
    source_path = settings.IMPORTS_DIR / run.archive if run.archive else Path(run.folder)
    if run.archive and not is_archive(source_path):
        raise sources.not_an_archive_error(run.name)
    Import.objects.filter(pk=run.pk).update(file_count=sources.count_files([source_path]))
    source_files = sources.iter_files([source_path], allowed_root=None if run.archive else sources.import_root())
    with InlineIndexer() as indexer:
        batches = import_files(
            _skip_recorded(run, source_files),
            collection=run.collection,
            from_folders=run.collections_from_folders,
            user=run.created_by,
            indexer=indexer,
            entry=audit.latest_entry(Action.IMPORTED, run),
        )
        for batch_number, results in enumerate(batches, 1):
            _record_results(run, results)
            leases.renew(run)
            if batch_number % BATCHES_BETWEEN_INDEXING == 0:
                extraction.index_pending_between_steps()


def _record_results(run: Import, results: list[FileResult]) -> None:
    image_ids = [result.image.pk for result in results if result.image]
    # Some of the images may have been deleted since.
    existing_ids = set(Image.objects.filter(pk__in=image_ids).values_list("pk", flat=True))
    ImportedFile.objects.bulk_create(
        [
            ImportedFile(
                bulk_import=run,
                position=position,
                name=result.name,
                outcome=result.outcome,
                reason=result.reason[:500],
                image=result.image if result.image and result.image.pk in existing_ids else None,
            )
            for position, result in enumerate(results, run.files.count())
        ]
    )


def _skip_recorded(run: Import, source_files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Skip the files whose results an interrupted attempt has recorded."""
    recorded = Counter(run.files.values_list("name", flat=True))
    for source_file in source_files:
        name = sanitise_filename(source_file.name)
        if recorded[name]:
            recorded[name] -= 1
        else:
            yield source_file


def _store_archive(archive: File) -> str:
    name = f"{uuid4().hex}.archive"
    try:
        with atomic_write(settings.IMPORTS_DIR / name) as temp_path, temp_path.open("wb") as temp_file:
            for chunk in archive.chunks():
                temp_file.write(chunk)
    except OSError as error:
        raise StoreUnavailable(
            "The archive could not be saved in {path}: {error}. Check the free space and permissions of that folder.",
            path=settings.IMPORTS_DIR,
            error=error.strerror or error,
        ) from error
    return name


def _delete_archive(archive: str) -> None:
    if archive:
        (settings.IMPORTS_DIR / archive).unlink(missing_ok=True)


QUEUE = JobQueue(
    Import,
    _execute,
    max_attempts=MAX_ATTEMPTS,
    permanent_errors=(ArchiveRejected, FolderRejected),
    temporary_errors=(StoreUnavailable,),
    on_finish=lambda run: _delete_archive(run.archive),
)
