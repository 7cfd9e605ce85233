"""Segments that no row names: litter goes, and what the database lost is taken over from them."""

import shutil

import pytest

from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services import derivation, indexing, integrity, orphans, rebuilding, searching, spaces, store, uploads
from catalog.services.live_index import INDEX, key_of
from catalog.vectors import derived
from catalog.vectors.segments import open_segment
from tests import described


def ranking(image: Image) -> list[tuple[int, float]]:
    INDEX.forget()
    return [(hit.image.pk, round(hit.score, 5)) for hit in searching.like(image, count=200).hits]


def forget_segments() -> None:
    Segment.objects.all().delete()


def forget_all_of_the_index() -> None:
    Segment.objects.all().delete()
    Generation.objects.all().delete()
    FeatureSpace.objects.all().delete()


@pytest.fixture
def no_descriptions(monkeypatch):
    """Nothing is described again: whatever is mended was taken over."""
    monkeypatch.setattr(indexing, "describe", lambda ready, extractor: pytest.fail("described again"))


@pytest.mark.parametrize("forget", [forget_segments, forget_all_of_the_index])
def test_an_index_whose_rows_are_lost_is_taken_over_from_the_segments(catalogue, no_descriptions, forget):
    before = {image.pk: ranking(image) for image in catalogue}
    forget()
    assert not integrity.check().ok
    report = integrity.repair()
    assert (report.ok, report.indexed, report.orphans) == (True, 6, 0)
    assert {image.pk: ranking(image) for image in catalogue} == before


def test_what_was_learned_is_learned_again(db):
    described.add(described.kinds(12, 10))
    rebuilding.rebuild()
    first = Image.objects.first()
    before = ranking(first)
    forget_all_of_the_index()
    integrity.repair()
    assert spaces.active().projection
    assert ranking(first) == before


def test_images_are_known_by_their_digests_when_their_ids_are_others(catalogue, picture, no_descriptions):
    """Every row of the database is lost, and the originals came in again."""
    forget_all_of_the_index()
    Image.objects.all().delete()
    for number in reversed(range(6)):
        uploads.add(picture(number), f"again-{number}.jpg")
    report = integrity.repair()
    assert (report.ok, report.indexed, report.pending) == (True, 6, 0)
    for number in range(6):
        hit = searching.search(searching.describe(picture(number))).hits[0]
        assert (hit.image.source, hit.score > 0.999) == (f"again-{number}.jpg", True)


def test_the_sweep_leaves_what_a_repair_would_take_over(catalogue):
    for forget in (forget_segments, forget_all_of_the_index):
        forget()
        assert orphans.sweep() == 0
        assert integrity.repair().ok


def test_a_copy_of_a_segment_is_litter(catalogue):
    path = store.path_of(Segment.objects.get().name)
    shutil.copy(path, path.with_name("copy.h5"))
    assert orphans.sweep() == 1
    assert integrity.repair().segments == 1


def test_a_segment_of_images_that_are_gone_is_litter(catalogue):
    forget_segments()
    Image.objects.all().delete()
    assert len(orphans.found()) == 1
    orphans.sweep()
    assert not orphans.found()


def test_a_segment_of_a_space_that_is_gone_is_litter(catalogue):
    path = store.path_of(Segment.objects.get().name)
    elsewhere = path.parent.with_name("another-space") / path.name
    elsewhere.parent.mkdir()
    path.rename(elsewhere)
    Segment.objects.all().delete()
    assert orphans.adopt() == 0
    assert orphans.sweep() == 1


def test_a_damaged_orphan_is_put_aside_and_its_images_are_described_again(catalogue):
    path = store.path_of(Segment.objects.get().name)
    data = bytearray(path.read_bytes())
    data[data.index(open_segment(path).vectors.tobytes())] ^= 1
    path.write_bytes(data)
    forget_segments()
    report = integrity.repair()
    assert (report.ok, report.indexed) == (True, 6)
    assert path.with_suffix(".damaged").read_bytes() == data


def test_each_image_is_taken_over_once_from_segments_that_overlap(catalogue, no_descriptions):
    path = store.path_of(Segment.objects.get().name)
    shutil.copy(path, path.with_name("copy.h5"))
    forget_segments()
    assert orphans.adopt() == 6
    assert Descriptor.objects.count() == 6


def test_damaged_codes_are_named_and_made_anew(db, monkeypatch):
    monkeypatch.setattr(derivation, "KEPT_FROM", 1)
    described.add(described.kinds(12, 10))
    rebuilding.rebuild()
    first, generation = Image.objects.first(), spaces.active()
    before = ranking(first)
    segment = open_segment(store.path_of(Segment.objects.get().name))
    path = derivation.path_of(key_of(generation), segment)
    whole = path.read_bytes()
    data = bytearray(whole)
    data[whole.index(derived.open_derived(path, segment).codes.tobytes())] ^= 1
    path.write_bytes(data)
    report = integrity.check()
    assert report.corrupt == 1
    assert f"The codes of the segment {path.name} are damaged" in report.problems[0]
    integrity.repair()
    assert ranking(first) == before
    assert path.read_bytes() == whole
