"""What is wrong between files and rows is named, and mended from the originals."""

import h5py
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from catalog.models import Descriptor, Image, Segment
from catalog.services import deletion, health, indexing, integrity, orphans, searching, store, uploads
from catalog.services.live_index import INDEX


def the_segment() -> Segment:
    return Segment.objects.get()


def flip(segment: Segment) -> None:
    path = store.path_of(segment.name)
    with h5py.File(path) as file:
        at = file["vectors"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[at + 5] ^= 4
    path.write_bytes(data)


def truncate(segment: Segment) -> None:
    path = store.path_of(segment.name)
    path.write_bytes(path.read_bytes()[:3000])


def lose(segment: Segment) -> None:
    store.path_of(segment.name).unlink()


def drop_a_row(segment: Segment) -> None:
    segment.descriptors.filter(row=3).delete()


def swap_images(segment: Segment) -> None:
    one, other = segment.descriptors.order_by("row")[:2]
    images = one.image_id, other.image_id
    Descriptor.objects.filter(pk=one.pk).update(image=None)
    Descriptor.objects.filter(pk=other.pk).update(image=images[0])
    Descriptor.objects.filter(pk=one.pk).update(image=images[1])


def change_the_checksum(segment: Segment) -> None:
    Segment.objects.update(checksum="0" * 64)


DAMAGES = {
    flip: "its content has changed since it was written",
    truncate: "is damaged",
    lose: "is missing",
    drop_a_row: "has other rows than the database",
    swap_images: "holds other images than the database says",
    change_the_checksum: "its content has changed since it was written",
}


def test_a_whole_catalogue_is_told_as_ok(catalogue):
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


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_named_and_mended(catalogue, damage):
    expected = searching.like(catalogue[0])
    damage(the_segment())
    report = integrity.check()
    assert not report.ok
    assert (report.missing, report.corrupt) == ((1, 0) if damage is lose else (0, 1))
    assert any(DAMAGES[damage] in problem for problem in report.problems)

    mended = integrity.repair()
    assert mended.problems == []
    assert (mended.images, mended.indexed, mended.orphans) == (6, 6, 0)
    found = searching.like(catalogue[0])
    assert [hit.image for hit in found.hits] == [hit.image for hit in expected.hits]
    assert not found.damaged


@pytest.mark.parametrize("damage", [truncate, lose])
def test_a_segment_that_cannot_be_opened_costs_a_search_its_rows_and_no_more(catalogue, picture, damage):
    new = uploads.add(picture(9), "new.jpg").image
    indexing.index_pending()
    damage(Segment.objects.order_by("pk").first())
    INDEX.forget()
    found = searching.search(searching.descriptor_of(new))
    assert [hit.image for hit in found.hits] == [new]
    assert len(found.damaged) == 1
    assert "check_index --repair" in health.notice()


def test_a_damaged_segment_is_put_aside_and_not_deleted(catalogue):
    flip(the_segment())
    damaged = store.path_of(the_segment().name).read_bytes()
    integrity.repair()
    (kept,) = store.path_of("").rglob("*.damaged")
    assert kept.read_bytes() == damaged
    orphans.sweep()
    assert kept.exists()


def test_what_cannot_be_described_again_is_kept_and_says_why(catalogue):
    """Its descriptor is damaged, and its original is gone."""
    default_storage.delete(str(catalogue[0].original))
    flip(the_segment())
    report = integrity.repair()
    assert (report.indexed, report.failed, report.missing) == (5, 1, 1)
    catalogue[0].refresh_from_db()
    assert "is missing. Upload the picture again." in catalogue[0].failure_reason


def test_a_missing_original_is_named_and_its_image_stays_searchable(catalogue):
    default_storage.delete(str(catalogue[0].original))
    report = integrity.repair()
    assert not report.ok
    assert report.missing == 1
    assert report.problems == [
        f"The original of image {catalogue[0].pk} (picture-0.jpg) is missing: {catalogue[0].original}. Upload it again."
    ]
    assert report.indexed == 6


def test_a_missing_original_is_mended_by_uploading_it_again(catalogue, picture):
    default_storage.delete(str(catalogue[0].original))
    uploads.add(picture(0), "again.jpg")
    assert integrity.check().ok


def test_stray_files_are_counted_as_litter_and_swept_by_a_repair(catalogue):
    stray = [
        store.path_of("stray.h5"),
        store.path_of(the_segment().name).with_name(".0123.draft"),
    ]
    for path in stray:
        path.write_bytes(b"litter")
    default_storage.save("originals/ab/abcd.jpg", ContentFile(b"litter"))
    report = integrity.check()
    assert (report.orphans, report.ok) == (3, True)
    assert integrity.repair().orphans == 0
    assert not any(path.exists() for path in stray)


def test_images_that_are_searchable_without_a_descriptor_are_named_and_mended(catalogue):
    the_segment().delete()
    report = integrity.check()
    assert report.problems == ["6 images are marked searchable, but have no descriptor."]
    mended = integrity.repair()
    assert (mended.ok, mended.indexed) == (True, 6)


def test_images_that_wait_with_a_descriptor_are_named_and_mended(catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.PENDING)
    report = integrity.check()
    assert report.problems == ["1 images have a descriptor, but are not marked searchable."]
    assert integrity.repair().ok
    assert Descriptor.objects.count() == 6


def test_rows_of_deleted_images_are_no_problem(catalogue):
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert integrity.check().ok


def test_progress_is_told_by_phase(catalogue):
    told = []
    integrity.check(lambda phase, done, total: told.append((phase, done, total)))
    assert told == [("segments", 1, 1), ("originals and thumbnails", 6, 6)]


def test_a_missing_thumbnail_is_told_of_and_made_anew(catalogue):
    image = catalogue[2]
    before = default_storage.open(str(image.thumbnail)).read()
    default_storage.delete(str(image.thumbnail))
    report = integrity.check()
    assert report.missing == 1
    assert str(image.thumbnail) in report.problems[0]
    assert integrity.repair().ok
    assert default_storage.open(str(image.thumbnail)).read() == before
