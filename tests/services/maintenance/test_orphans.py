"""Segments without rows are deleted, or adopted if the database lost their rows."""

import logging
import os
import shutil

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from catalog import locks
from catalog.exceptions import CatalogueBusy
from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services.index import extraction, rebuilding, spaces, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity, orphans
from catalog.services.media import file_locks, files
from catalog.services.media.file_locks import orphan_cleanup_lock
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors.segments import open_segment
from tests import indexed_images


def ranked_ids(image: Image) -> list[tuple[int, float]]:
    INDEX.close()
    return [(hit.image.pk, round(hit.score, 5)) for hit in ranking.search_similar(image, SearchOptions(limit=200)).hits]


def delete_segment_rows() -> None:
    Segment.objects.all().delete()


def delete_index_rows() -> None:
    Segment.objects.all().delete()
    Generation.objects.all().delete()
    FeatureSpace.objects.all().delete()


@pytest.fixture
def forbid_extraction(monkeypatch):
    """Fail if a descriptor is extracted, so that repairs can only adopt descriptors."""
    monkeypatch.setattr(extraction, "extract", lambda ready, extractor: pytest.fail("a descriptor was extracted"))


@pytest.mark.parametrize("delete_rows", [delete_segment_rows, delete_index_rows])
def test_an_index_without_rows_is_restored_from_the_segments(catalogue, forbid_extraction, delete_rows):
    before = {image.pk: ranked_ids(image) for image in catalogue}
    delete_rows()
    assert not integrity.check().ok
    report = integrity.repair()
    assert (report.ok, report.indexed, report.orphans) == (True, 6, 0)
    assert {image.pk: ranked_ids(image) for image in catalogue} == before


def test_lost_training_is_repeated(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    first = Image.objects.first()
    before = ranked_ids(first)
    delete_index_rows()
    integrity.repair()
    assert spaces.active_generation().encoder
    assert ranked_ids(first) == before


def test_images_are_matched_by_digest_after_their_ids_changed(catalogue, picture, forbid_extraction):
    """All rows are lost, and the pictures are added again."""
    delete_index_rows()
    Image.objects.all().delete()
    for number in reversed(range(6)):
        uploads.add_picture(picture(number), f"again-{number}.jpg")
    report = integrity.repair()
    assert (report.ok, report.indexed, report.pending) == (True, 6, 0)
    for number in range(6):
        hit = ranking.search(queries.extract_query(picture(number))).hits[0]
        assert (hit.image.source, hit.score > 0.999) == (f"again-{number}.jpg", True)


def test_the_cleanup_keeps_segments_that_a_repair_adopts(catalogue):
    for delete_rows in (delete_segment_rows, delete_index_rows):
        delete_rows()
        assert orphans.sweep() == 0
        assert integrity.repair().ok


def test_copy_of_segment_is_orphan(catalogue):
    path = store.segment_path(Segment.objects.get().name)
    shutil.copy(path, path.with_name("copy.h5"))
    assert orphans.sweep() == 1
    assert integrity.repair().segments == 1


def test_segment_of_deleted_images_is_orphan(catalogue):
    delete_segment_rows()
    Image.objects.all().delete()
    assert len(orphans.find_orphans()) == 1
    orphans.sweep()
    assert not orphans.find_orphans()


def test_segment_of_deleted_space_is_orphan(catalogue):
    path = store.segment_path(Segment.objects.get().name)
    moved_path = path.parent.with_name("another-space") / path.name
    moved_path.parent.mkdir()
    path.rename(moved_path)
    Segment.objects.all().delete()
    assert orphans.adopt() == 0
    assert orphans.sweep() == 1


def test_a_damaged_orphan_is_quarantined_and_its_images_are_extracted_again(catalogue):
    path = store.segment_path(Segment.objects.get().name)
    data = bytearray(path.read_bytes())
    data[data.index(open_segment(path).vectors.tobytes())] ^= 1
    path.write_bytes(data)
    delete_segment_rows()
    report = integrity.repair()
    assert (report.ok, report.indexed) == (True, 6)
    assert path.with_suffix(".damaged").read_bytes() == data


def test_each_image_is_adopted_once_from_overlapping_segments(catalogue, forbid_extraction):
    path = store.segment_path(Segment.objects.get().name)
    shutil.copy(path, path.with_name("copy.h5"))
    delete_segment_rows()
    assert orphans.adopt() == 6
    assert Descriptor.objects.count() == 6


def test_no_segment_is_deleted_while_the_file_of_another_is_missing(catalogue, picture, forbid_extraction, caplog):
    """As after a power loss that undid the commit of a merge: its file is the only copy of the descriptors."""
    segment = Segment.objects.get()
    merged = store.segment_path(segment.name).with_name("merged.h5")
    store.segment_path(segment.name).rename(merged)
    with caplog.at_level(logging.ERROR):
        assert orphans.sweep() == 0
    assert f"No segment is deleted, because {segment.name} is missing" in caplog.text
    assert merged.exists()
    report = integrity.repair()
    assert (report.ok, report.indexed, report.segments, report.orphans) == (True, 6, 1, 0)


def test_young_originals_are_kept(catalogue):
    """The row of an original may have been lost with the last commits, and then it is the only copy."""
    name = default_storage.save("originals/ab/abcd.jpg", ContentFile(b"the only copy"))
    assert orphans.sweep() == 0
    os.utime(default_storage.path(name), (0, 0))
    assert orphans.sweep() == 1


def test_files_are_listed_while_others_are_written(catalogue, settings, monkeypatch):
    listed = []
    find_unreferenced = files.find_unreferenced

    def find_and_look_at_the_lock():
        listed.append(locks.is_locked(settings.LOCKS_DIR / "files.lock"))
        return find_unreferenced()

    monkeypatch.setattr(files, "find_unreferenced", find_and_look_at_the_lock)
    orphans.sweep()
    assert listed == [False]


def test_a_file_that_is_written_again_while_it_is_swept_is_kept(catalogue, picture, monkeypatch):
    """It was listed before its picture was uploaded again."""
    name = str(catalogue[0].original)
    catalogue[0].delete()
    os.utime(default_storage.path(name), (0, 0))
    listed = orphans.find_media_orphans()
    assert name in listed
    uploads.add_picture(picture(0), "again.jpg")
    monkeypatch.setattr(orphans, "find_media_orphans", lambda: listed)
    assert orphans.sweep() == 0
    assert default_storage.exists(name)


def test_an_upload_waits_a_few_seconds_for_a_cleanup(db, picture, monkeypatch):
    assert file_locks.WRITER_TIMEOUT_SECONDS <= 5
    monkeypatch.setattr(file_locks, "WRITER_TIMEOUT_SECONDS", 0.1)
    with orphan_cleanup_lock(1), pytest.raises(CatalogueBusy, match=r"nothing was added\. Try again"):
        uploads.add_picture(picture(0), "one.jpg")
    assert uploads.add_picture(picture(0), "one.jpg").image
