"""Imports that run in the calling process, such as those of the command `import_images`."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog.models import Image, ImportedFile
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction, rebuilding
from catalog.services.ingest import imports, sources
from catalog.services.ingest.collections import get_or_create_collection
from catalog.services.ingest.commit import FileResult
from catalog.services.ingest.inline_indexing import InlineIndexer
from catalog.services.jobs import dispatch

POLL_SECONDS = 0.5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportSummary:
    """Numbers of an import.

    Attributes:
        found: files, including the files in archives.
        added, duplicates, rejected: files by outcome.
        indexed, failed: images that were pending after they were imported, by their status now.
    """

    found: int
    added: int
    duplicates: int
    rejected: int
    indexed: int
    failed: int


@dataclass
class _ImportTracker:
    """Counts results and reports the progress."""

    file_count: int
    on_rejected: Callable[[FileResult], None]
    progress: Progress
    outcome_counts: Counter[str] = field(default_factory=Counter)
    pending_ids: set[int] = field(default_factory=set)
    indexed_count: int = 0
    index_total: int = 0

    def record(self, results: Sequence[FileResult]) -> None:
        for result in results:
            self.outcome_counts[result.outcome] += 1
            if result.image and result.image.status == Image.Status.PENDING:
                self.pending_ids.add(result.image.pk)
            if result.outcome is ImportedFile.Outcome.REJECTED:
                self.on_rejected(result)
        self.progress("importing", self.outcome_counts.total(), self.file_count)

    def report_indexed(self, count: int) -> None:
        self.indexed_count += count
        # Pending images of other users are indexed too, so the count may exceed the total.
        self.progress("indexing", self.indexed_count, max(self.indexed_count, self.index_total))

    def summary(self) -> ImportSummary:
        counts, Outcome = self.outcome_counts, ImportedFile.Outcome
        return ImportSummary(
            found=counts.total(),
            added=counts[Outcome.ADDED],
            duplicates=counts[Outcome.DUPLICATE],
            rejected=counts[Outcome.REJECTED],
            indexed=len(_filter_by_status(self.pending_ids, Image.Status.INDEXED)),
            failed=len(_filter_by_status(self.pending_ids, Image.Status.FAILED)),
        )


def import_paths(  # noqa: PLR0913, all but one are keyword-only
    paths: Sequence[Path],
    *,
    collection: str = "",
    from_folders: bool = False,
    wait: bool = True,
    on_rejected: Callable[[FileResult], None] = lambda result: None,
    progress: Progress = lambda phase, done, total: None,
) -> ImportSummary:
    """Import files, folders and archives.

    Args:
        collection: the name of the collection of the new images. It is created if it is missing.
        from_folders: add each image to the collection with the name of its folder.
        wait: index the images, wait for those that workers have leased, and update the index. Otherwise leave this to
            the workers.
        on_rejected: called for each rejected file.

    Raises:
        FolderRejected: a path does not exist or cannot be read.
        StoreUnavailable: files cannot be written.
        WeightsUnavailable: the images cannot be indexed; they stay pending.
    """
    tracker = _ImportTracker(sources.count_files(paths), on_rejected, progress)
    entry = audit.record(Action.IMPORTED, target=", ".join(map(str, paths)), count=0)
    target = get_or_create_collection(collection)
    if wait:
        tracker.index_total = tracker.file_count
        with InlineIndexer(tracker.report_indexed) as indexer:
            _add_files(paths, tracker, collection=target, from_folders=from_folders, indexer=indexer, entry=entry)
        tracker.index_total = len(tracker.pending_ids)
        _index_until_none_pending(tracker)
        rebuilding.maintain(progress=progress)
    else:
        _add_files(paths, tracker, collection=target, from_folders=from_folders, entry=entry)
        dispatch.notify_pending_images()
    return tracker.summary()


# Any: the options of `import_files`.
def _add_files(paths: Sequence[Path], tracker: _ImportTracker, **options: Any) -> None:
    for results in imports.import_files(sources.iter_files(paths), **options):
        tracker.record(results)


def _index_until_none_pending(tracker: _ImportTracker) -> None:
    """Index the remaining images, and wait for those that workers have leased."""
    while True:
        extraction.index_pending(tracker.report_indexed)
        if not _filter_by_status(tracker.pending_ids, Image.Status.PENDING):
            return
        time.sleep(POLL_SECONDS)


def _filter_by_status(image_ids: set[int], status: Image.Status) -> set[int]:
    # Not filtered by id in the query: databases limit the number of parameters.
    return image_ids & set(Image.objects.filter(status=status).values_list("pk", flat=True))
