"""An import reads files in batches: no file is lost, and at most two batches are in memory."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import pytest

from catalog.exceptions import ArchiveRejected
from catalog.models import Image
from catalog.services.ingest import imports, uploads
from catalog.services.ingest.sources import SourceFile
from tests.services.ingest.import_helpers import enqueue_import


def outcomes_by_batch(source_files: Iterator[SourceFile]) -> list[list[str]]:
    return [[result.outcome.value for result in results] for results in imports.import_files(source_files)]


def in_memory_files(*files: bytes, on_read: Callable[[], None] = lambda: None) -> Iterator[SourceFile]:
    def read(data: bytes) -> bytes:
        on_read()
        return data

    return (SourceFile(f"{number}.jpg", partial(read, data)) for number, data in enumerate(files))


def test_duplicates_within_a_batch_and_across_batches_are_added_once(db, picture, settings):
    settings.BATCH_SIZE = 3
    one, two, three = map(picture, range(3))
    outcomes = outcomes_by_batch(in_memory_files(one, one, two, two, three, b"words", one))
    assert outcomes == [["added", "duplicate", "added"], ["duplicate", "added", "rejected"], ["duplicate"]]
    assert Image.objects.count() == 3


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_every_file_is_imported_whatever_their_number(db, picture, settings, count):
    settings.BATCH_SIZE = 2
    outcomes = outcomes_by_batch(in_memory_files(*map(picture, range(count))))
    assert list(map(len, outcomes)) == [2] * (count // 2) + [1] * (count % 2)
    assert set(chain(*outcomes)) == {"added"}


def test_at_most_two_batches_are_in_memory(db, picture, settings):
    settings.BATCH_SIZE = 2
    reads, result_count, max_in_memory = [], 0, 0
    source_files = in_memory_files(*map(picture, range(11)), on_read=lambda: reads.append(1))
    for results in imports.import_files(source_files):
        max_in_memory = max(max_in_memory, len(reads) - result_count)
        result_count += len(results)
    assert (result_count, max_in_memory) == (11, 4)


def test_batches_of_large_files_are_smaller(db, picture, monkeypatch):
    monkeypatch.setattr(imports, "FILES_PER_READ", 2)
    monkeypatch.setattr(imports, "MAX_BATCH_BYTES", 1)
    outcomes = outcomes_by_batch(in_memory_files(*map(picture, range(5))))
    assert list(map(len, outcomes)) == [2, 2, 1]


def test_files_found_before_an_error_are_imported(db, picture):
    def failing_source() -> Iterator[SourceFile]:
        yield from in_memory_files(picture(1), picture(2))
        raise ArchiveRejected("The archive ends here.")

    names: list[str] = []
    with pytest.raises(ArchiveRejected, match="ends here"):
        names.extend(result.name for results in imports.import_files(failing_source()) for result in results)
    assert names == ["0.jpg", "1.jpg"]
    assert Image.objects.count() == 2


def test_pending_images_of_others_are_indexed_during_a_long_import(db, settings, folder, picture, monkeypatch):
    other = uploads.add_picture(picture(9), "other.jpg").image
    settings.BATCH_SIZE = 1
    monkeypatch.setattr(imports, "BATCHES_BETWEEN_INDEXING", 1)
    statuses, record_results = [], imports._record_results

    def record_status(run, results):
        statuses.append(Image.objects.get(pk=other.pk).status)
        record_results(run, results)

    monkeypatch.setattr(imports, "_record_results", record_status)
    imports.run(enqueue_import(folder=folder).pk)
    assert statuses == ["pending", *["indexed"] * 4]
