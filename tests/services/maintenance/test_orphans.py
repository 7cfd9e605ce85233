"""Segments without rows are deleted, or adopted if the database lost their rows."""

import shutil

import pytest

from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services.index import extraction, rebuilding, spaces, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity, orphans
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
