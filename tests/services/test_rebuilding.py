"""A new generation is built beside the old one, and swapped in at once or not at all."""

from dataclasses import replace

import pytest
from django.core.files.storage import default_storage

from catalog import locks
from catalog.exceptions import CatalogueBusy, SegmentDamaged
from catalog.features import extractors
from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services import deletion, indexing, integrity, rebuilding, searching, spaces, store, uploads


@pytest.fixture
def pieces(db, picture) -> list[Image]:
    """Six images in three segments."""
    for number in range(6):
        uploads.add(picture(number), f"{number}.jpg")
        if number % 2:
            indexing.index_pending()
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def other_space(monkeypatch) -> str:
    """The next re-extraction makes a space of its own: the same network with another pooling."""
    recipe = extractors.RECIPES["vgg16-compact"]
    other = "gem" if recipe.pooling != "gem" else "rmac"
    monkeypatch.setitem(extractors.RECIPES, "vgg16-compact", replace(recipe, pooling=other))
    return other


def ranking(image: Image) -> list[tuple[int, float]]:
    found = searching.like(image)
    return [(hit.image.pk, round(hit.score, 5)) for hit in found.hits] if found else []


def segment_files() -> set[str]:
    return {str(path.relative_to(store.path_of(""))) for path in store.path_of("").rglob("*") if path.is_file()}


def named() -> set[str]:
    return set(Segment.objects.values_list("name", flat=True))


def test_small_segments_are_merged_into_one_and_search_finds_the_same(transactional_db, pieces):
    before = {image.pk: ranking(image) for image in pieces}
    assert Segment.objects.count() == 3
    made = rebuilding.rebuild()
    assert (made.images, made.segments) == (6, 1)
    assert segment_files() == named()
    assert {image.pk: ranking(image) for image in pieces} == before
    assert integrity.check().ok


def test_rows_of_deleted_images_fall_out(pieces):
    deletion.delete(Image.objects.filter(pk__in=[pieces[0].pk, pieces[3].pk]))
    rebuilding.rebuild()
    assert Segment.objects.get().rows == 4
    assert not Descriptor.objects.filter(image=None).exists()
    assert len(ranking(pieces[1])) == 3


def test_a_segment_whose_images_are_all_deleted_goes(transactional_db, pieces):
    deletion.delete(Image.objects.all())
    made = rebuilding.rebuild()
    assert made.segments == 0
    assert segment_files() == set()


def test_a_whole_segment_is_not_written_again(pieces):
    rebuilding.rebuild()
    before = named()
    rebuilding.rebuild()
    assert named() == before


def test_segments_are_merged_up_to_a_size(pieces, monkeypatch):
    monkeypatch.setattr(rebuilding, "MERGED_ROWS", 4)
    rebuilding.rebuild()
    assert sorted(Segment.objects.values_list("rows", flat=True)) == [2, 4]
    before = named()
    rebuilding.rebuild()
    assert named() == before


def test_one_generation_is_active_after_any_number_of_rebuilds(pieces):
    first = spaces.active()
    made = [rebuilding.rebuild().generation for _ in range(3)]
    assert spaces.active() == made[-1] != first
    assert Generation.objects.filter(state=Generation.State.ACTIVE).count() == 1
    assert spaces.active().activated_at


def test_an_empty_catalogue_is_rebuilt_into_an_empty_one(db):
    made = rebuilding.rebuild()
    assert (made.images, made.segments) == (0, 0)


def test_reextracting_describes_every_image_in_the_new_space(pieces, other_space):
    old = spaces.active().space
    made = rebuilding.reextract("vgg16-compact")
    assert (made.images, made.segments) == (6, 1)
    assert spaces.active().space != old
    assert other_space in spaces.active().space.key
    assert len(ranking(pieces[0])) == 5
    assert integrity.check().ok


def test_search_goes_on_in_the_old_space_until_the_swap(pieces, other_space, monkeypatch):
    before, seen = ranking(pieces[0]), []

    def describe_while_somebody_searches(ready, extractor):
        described = describe(ready, extractor)
        seen.append(ranking(pieces[0]))
        return described

    describe = indexing.describe
    monkeypatch.setattr(indexing, "describe", describe_while_somebody_searches)
    rebuilding.reextract("vgg16-compact")
    assert seen == [before]
    assert ranking(pieces[0]) != before


def test_an_image_that_comes_in_during_a_reextraction_is_described_after_the_swap(
    pieces, picture, other_space, monkeypatch
):
    def describe_while_one_is_added(ready, extractor):
        if extractor.space.key not in active_then:
            monkeypatch.setattr(indexing, "describe", describe)
            uploads.add(picture(50), "new.jpg")
            indexing.index_pending()
        return describe(ready, extractor)

    active_then, describe = [spaces.active().space.key], indexing.describe
    monkeypatch.setattr(indexing, "describe", describe_while_one_is_added)
    rebuilding.reextract("vgg16-compact")
    indexing.index_pending()
    assert len(ranking(pieces[0])) == 6
    assert integrity.check().ok


def test_an_image_that_cannot_be_described_anew_waits_and_then_says_why(pieces, other_space):
    default_storage.delete(str(pieces[4].original))
    assert rebuilding.reextract("vgg16-compact").images == 5
    indexing.index_pending()
    pieces[4].refresh_from_db()
    assert pieces[4].status == Image.Status.FAILED
    assert "is missing" in pieces[4].failure_reason


def test_the_space_before_is_kept_and_the_one_before_that_is_let_go(transactional_db, pieces, other_space, monkeypatch):
    first = spaces.active().space
    rebuilding.reextract("vgg16-compact")
    assert FeatureSpace.objects.filter(pk=first.pk).exists()
    rebuilding.rebuild()
    assert not FeatureSpace.objects.filter(pk=first.pk).exists()
    assert segment_files() == named()


def test_a_damaged_segment_stops_a_rebuild_and_the_old_generation_serves(pieces):
    before = spaces.active()
    store.path_of(Segment.objects.first().name).write_bytes(b"")
    with pytest.raises(SegmentDamaged):
        rebuilding.rebuild()
    assert spaces.active() == before
    integrity.repair()
    assert rebuilding.rebuild().images == 6


def test_a_rebuild_that_was_stopped_is_begun_anew_by_the_next(pieces, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    before = spaces.active()
    with monkeypatch.context() as stopping:
        stopping.setattr(rebuilding, "_swap_in", stop)
        with pytest.raises(KeyboardInterrupt):
            rebuilding.rebuild()
    assert spaces.active() == before
    assert len(ranking(pieces[0])) == 5
    assert rebuilding.rebuild().images == 6
    assert not Generation.objects.filter(state=Generation.State.BUILDING).exists()


def test_two_rebuilds_at_once_are_one_too_many(pieces, settings):
    refusal = pytest.raises(CatalogueBusy, match=r"being rebuilt already\. Wait for that to end, then try again")
    with locks.held(settings.LOCKS_DIR / "rebuild.lock"), refusal:
        rebuilding.rebuild()


def test_an_image_that_is_deleted_during_a_merge_is_not_searchable_after_it(pieces, monkeypatch):
    def append_while_somebody_deletes(space, rows):
        segment = append(space, rows)
        Image.objects.filter(pk=pieces[0].pk).delete()
        return segment

    append = store.append
    monkeypatch.setattr(store, "append", append_while_somebody_deletes)
    rebuilding.rebuild()
    monkeypatch.undo()
    found = dict(ranking(pieces[1]))
    assert len(found) == 4
    assert pieces[0].pk not in found


def test_progress_is_told_by_phase(pieces):
    told = []
    rebuilding.rebuild(progress=lambda phase, done, total: told.append((phase, done, total)))
    assert told == [("merging", 1, 1), ("swapping in", 1, 1)]
