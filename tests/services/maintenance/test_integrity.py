"""Inconsistencies between files and rows are reported and repaired."""

import os
from contextlib import suppress

import h5py
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from catalog.exceptions import StoreUnavailable
from catalog.models import Descriptor, Image, Segment
from catalog.services.index import extraction, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import health, integrity, orphans
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from tests.services.index.store_helpers import add_clustered_images


def only_segment() -> Segment:
    return Segment.objects.get()


def flip_byte(segment: Segment) -> None:
    path = store.segment_path(segment.name)
    with h5py.File(path) as file:
        at = file["vectors"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[at + 5] ^= 4
    path.write_bytes(data)


def truncate(segment: Segment) -> None:
    path = store.segment_path(segment.name)
    path.write_bytes(path.read_bytes()[:3000])


def delete_file(segment: Segment) -> None:
    store.segment_path(segment.name).unlink()


def delete_row(segment: Segment) -> None:
    segment.descriptors.filter(row=3).delete()


def swap_images(segment: Segment) -> None:
    one, other = segment.descriptors.order_by("row")[:2]
    images = one.image_id, other.image_id
    Descriptor.objects.filter(pk=one.pk).update(image=None)
    Descriptor.objects.filter(pk=other.pk).update(image=images[0])
    Descriptor.objects.filter(pk=one.pk).update(image=images[1])


def change_checksum(segment: Segment) -> None:
    Segment.objects.update(checksum="0" * 64)


DAMAGE_FUNCTIONS = {
    flip_byte: "its content has changed since it was written",
    truncate: "is damaged",
    delete_file: "is missing",
    delete_row: "The rows of segment",
    swap_images: "The images of segment",
    change_checksum: "its content has changed since it was written",
}


def test_an_intact_catalogue_is_ok(catalogue):
    report = integrity.check()
    assert report.as_json() == {
        "images": 6,
        "indexed": 6,
        "pending": 0,
        "failed": 0,
        "segments": 1,
        "orphans": 0,
        "missing": 0,
        "corrupt": 0,
        "problems": [],
        "ok": True,
    }


def test_an_empty_catalogue_is_ok(db):
    assert integrity.check().ok
    assert integrity.repair().ok


@pytest.mark.parametrize("damage", DAMAGE_FUNCTIONS)
def test_damage_is_reported_and_repaired(catalogue, damage):
    expected = ranking.search_similar(catalogue[0])
    damage(only_segment())
    report = integrity.check()
    assert not report.ok
    assert (report.missing, report.corrupt) == ((1, 0) if damage is delete_file else (0, 1))
    assert any(DAMAGE_FUNCTIONS[damage] in problem for problem in report.problems)

    repaired = integrity.repair()
    assert repaired.problems == []
    assert (repaired.images, repaired.indexed, repaired.orphans) == (6, 6, 0)
    results = ranking.search_similar(catalogue[0])
    assert [hit.image for hit in results.hits] == [hit.image for hit in expected.hits]
    assert not results.damaged


@pytest.mark.parametrize("damage", [truncate, delete_file])
def test_a_search_without_a_damaged_segment_finds_all_other_images(catalogue, picture, damage):
    new = uploads.add_picture(picture(9), "new.jpg").image
    extraction.index_pending()
    damage(Segment.objects.order_by("pk").first())
    INDEX.close()
    results = ranking.search(queries.image_query(new))
    assert [hit.image for hit in results.hits] == [new]
    assert len(results.damaged) == 1
    assert "check_index --repair" in health.status_message()


def test_a_damaged_segment_is_quarantined_and_not_deleted(catalogue):
    flip_byte(only_segment())
    damaged = store.segment_path(only_segment().name).read_bytes()
    integrity.repair()
    (quarantined,) = store.segment_path("").rglob("*.damaged")
    assert quarantined.read_bytes() == damaged
    orphans.sweep()
    assert quarantined.exists()


def test_failed_reextraction_keeps_image_with_reason(catalogue):
    """The descriptor is damaged, and the original is missing."""
    default_storage.delete(str(catalogue[0].original))
    flip_byte(only_segment())
    report = integrity.repair()
    assert (report.indexed, report.failed, report.missing) == (5, 1, 1)
    catalogue[0].refresh_from_db()
    assert "is missing. Upload the picture again." in catalogue[0].failure_reason


def test_a_missing_original_is_reported_and_its_image_stays_searchable(catalogue):
    default_storage.delete(str(catalogue[0].original))
    report = integrity.repair()
    assert not report.ok
    assert report.missing == 1
    assert report.problems == [
        f"The original of image {catalogue[0].pk} (picture-0.jpg) is missing: {catalogue[0].original}. Upload it again."
    ]
    assert report.indexed == 6


def test_a_missing_original_is_repaired_by_uploading_it_again(catalogue, picture):
    default_storage.delete(str(catalogue[0].original))
    uploads.add_picture(picture(0), "again.jpg")
    assert integrity.check().ok


def test_files_without_rows_are_counted_as_orphans_and_deleted_by_a_repair(catalogue):
    stray_files = [
        store.segment_path("stray.h5"),
        store.segment_path(only_segment().name).with_name(".0123.tmp"),
    ]
    for path in stray_files:
        path.write_bytes(b"orphan")
    name = default_storage.save("originals/ab/abcd.jpg", ContentFile(b"orphan"))
    assert integrity.check().orphans == 2  # an original that was just written may be about to get its row
    os.utime(default_storage.path(name), (0, 0))
    report = integrity.check()
    assert (report.orphans, report.ok) == (3, True)
    assert integrity.repair().orphans == 0
    assert not any(path.exists() for path in stray_files)


def test_indexed_images_without_a_descriptor_are_reported_and_repaired(catalogue):
    only_segment().delete()
    report = integrity.check()
    assert report.problems == ["6 images are marked as searchable but have no descriptor."]
    repaired = integrity.repair()
    assert (repaired.ok, repaired.indexed) == (True, 6)


def test_pending_images_with_a_descriptor_are_reported_and_repaired(catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.PENDING)
    report = integrity.check()
    assert report.problems == ["1 images have a descriptor but are not marked as searchable."]
    assert integrity.repair().ok
    assert Descriptor.objects.count() == 6


def test_rows_of_deleted_images_are_not_a_problem(catalogue):
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert integrity.check().ok


def test_progress_is_reported_by_phase(catalogue):
    progress_calls = []
    integrity.check(lambda phase, done, total: progress_calls.append((phase, done, total)))
    assert progress_calls == [("segments", 1, 1), ("originals and thumbnails", 6, 6)]


def test_a_missing_thumbnail_is_reported_and_recreated(catalogue):
    image = catalogue[2]
    before = default_storage.open(str(image.thumbnail)).read()
    default_storage.delete(str(image.thumbnail))
    report = integrity.check()
    assert report.missing == 1
    assert str(image.thumbnail) in report.problems[0]
    assert integrity.repair().ok
    assert default_storage.open(str(image.thumbnail)).read() == before


def test_the_worker_logs_damage_that_no_search_notices(catalogue, caplog, monkeypatch):
    monkeypatch.setattr(integrity, "PARTS_PER_DAY", 1)
    assert integrity.log_damaged_segments() == 0
    flip_byte(only_segment())
    assert integrity.log_damaged_segments() == 1
    assert "its content has changed since it was written. To repair the index, run" in caplog.text


def test_the_worker_reads_all_segments_in_turn_at_whatever_time_it_runs(db, monkeypatch):
    """Also after one that the disk cannot read."""
    for number in range(5):
        add_clustered_images(1, 2, seed=number)
    read = []

    def read_segment(segment: Segment) -> None:
        read.append(segment.pk)
        if len(read) == 2:
            raise StoreUnavailable("The disk reports an error.")

    monkeypatch.setattr(integrity, "_verify_segment", read_segment)
    monkeypatch.setattr(integrity, "PARTS_PER_DAY", 5)
    for _ in range(10):
        with suppress(StoreUnavailable):
            integrity.log_damaged_segments()
    assert read == [*Segment.objects.order_by("pk").values_list("pk", flat=True)] * 2
