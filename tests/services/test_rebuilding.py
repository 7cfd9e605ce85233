"""A new generation is built beside the old one, and swapped in at once or not at all."""

import os
import signal
from dataclasses import replace
from functools import partial

import pytest
from django.core.files.storage import default_storage

from catalog import locks
from catalog.exceptions import CatalogueBusy, ImageSearchError, SegmentDamaged, StoreUnavailable
from catalog.features import extractors
from catalog.models import Collection, Descriptor, FeatureSpace, Generation, Image, Projection, Segment
from catalog.services import (
    deletion,
    indexing,
    integrity,
    learning,
    merging,
    rebuilding,
    searching,
    spaces,
    store,
    uploads,
)
from catalog.services.learning import Codes
from catalog.vectors import calibration, latent, projection
from catalog.vectors.calibration import Likeness
from tests import described


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
    rebuilding.rebuild()  # of the same space: no reason to let go of the other
    assert FeatureSpace.objects.filter(pk=first.pk).exists()
    rebuilding.reextract("vgg16-compact")
    assert not FeatureSpace.objects.filter(pk=first.pk).exists()
    assert segment_files() == named()


def test_a_rebuild_spares_what_a_stopped_reextraction_has_described(pieces, other_space, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 2)
    committed = store.commit

    def stop_after_one(*args):
        committed(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "commit", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        rebuilding.reextract("vgg16-compact")
    rebuilding.rebuild()
    begun = FeatureSpace.objects.get(generations=None)
    assert Descriptor.objects.filter(space=begun).count() == 2


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


def test_a_rebuild_that_another_machine_has_begun_anew_is_given_up_with_a_sentence(pieces, monkeypatch):
    """Locks are of one machine; whoever begins a rebuild takes what is being built for that of a dead process."""

    def calibrate_while_another_machine_begins(vectors):
        Generation.objects.filter(state=Generation.State.BUILDING).delete()

    before = spaces.active()
    monkeypatch.setattr(calibration, "calibrate", calibrate_while_another_machine_begins)
    with pytest.raises(CatalogueBusy, match="Another machine has begun a rebuild"):
        rebuilding.rebuild()
    assert spaces.active() == before
    assert len(ranking(pieces[0])) == 5


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
    assert told == [
        ("merging", 1, 1),
        *(("learning", done, 1) for done in (0, 1)),
        ("coding", 1, 1),
        *(("measuring", done, 1) for done in (0, 1)),
        ("swapping in", 1, 1),
    ]


def be_killed(*args) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def grow(kinds: int = 12, each: int = 10, seed: int = 0) -> list[Image]:
    """More searchable images, without files."""
    return described.add(described.kinds(kinds, each, seed=seed))


def test_a_rebuild_learns_how_to_compare_and_searches_after_the_swap_go_by_it(catalogue, picture):
    grow()
    query = searching.describe(picture(2))
    before = searching.search(query, count=200)
    made = rebuilding.rebuild().generation
    after = searching.search(query, count=200)
    assert (made.learned_from, spaces.active().projection_id) == (126, made.projection_id)
    assert made.projection_id
    assert before.total == after.total == 126
    assert before.hits[0].image == after.hits[0].image == catalogue[2]
    assert after.hits[0].score >= 0.999
    # Plain cosines of what the network says are all well above 0; whitened, those of unlike images are about 0.
    assert min(hit.score for hit in before.hits) > 0.1
    assert min(hit.score for hit in after.hits) < 0
    assert (before.hits[0].likeness, after.hits[0].likeness) == (None, Likeness.SAME)


def test_search_goes_on_as_before_while_a_rebuild_learns(catalogue, monkeypatch):
    def learn_while_somebody_searches(*args):
        learn(*args)
        seen.append(ranking(catalogue[0]))

    grow()
    before, seen, learn = ranking(catalogue[0]), [], learning.learn
    monkeypatch.setattr(learning, "learn", learn_while_somebody_searches)
    rebuilding.rebuild()
    assert seen == [before]
    assert ranking(catalogue[0]) != before


def test_an_image_deleted_between_learning_and_the_swap_is_not_found(catalogue, monkeypatch):
    def learn_while_somebody_deletes(*args):
        learn(*args)
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))

    grow()
    query, learn = searching.descriptor_of(catalogue[0]), learning.learn
    monkeypatch.setattr(learning, "learn", learn_while_somebody_deletes)
    rebuilding.rebuild()
    found = searching.search(query, count=200)
    assert found.total == 125
    assert catalogue[0] not in [hit.image for hit in found.hits]


def test_two_generations_are_kept_and_no_projection_without_a_generation(transactional_db):
    made = []
    for seed in range(4):
        grow(seed=seed)
        made.append(rebuilding.rebuild().generation)
    assert len({generation.projection_id for generation in made}) == 4
    kept = Generation.objects.order_by("pk")
    assert list(kept) == made[-2:]
    assert [generation.state for generation in kept] == [Generation.State.RETIRED, Generation.State.ACTIVE]
    assert set(Projection.objects.values_list("pk", flat=True)) == {one.projection_id for one in made[-2:]}


def test_a_rebuild_of_what_did_not_change_learns_the_same(db):
    grow()
    first, again = (rebuilding.rebuild().generation for _ in range(2))
    assert first != again
    assert (first.projection_id, first.calibration) == (again.projection_id, again.calibration)


def test_a_catalogue_of_few_images_is_rebuilt_without_a_whitening(catalogue):
    before = ranking(catalogue[0])
    made = rebuilding.rebuild().generation
    assert (made.learned_from, made.projection, made.calibration) == (6, None, None)
    assert ranking(catalogue[0]) == before


def test_a_rebuild_after_most_images_were_deleted_goes_back_to_plain_cosines(catalogue):
    before = ranking(catalogue[0])
    others = grow()
    rebuilding.rebuild()
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in others]))
    assert spaces.active().projection
    rebuilding.rebuild()
    assert spaces.active().projection is None
    assert ranking(catalogue[0]) == before


def test_a_reextraction_learns_in_the_new_space(pieces, other_space, monkeypatch):
    for module in (calibration, projection):
        monkeypatch.setattr(module, "ENOUGH", 6)
    monkeypatch.setattr(learning.projection, "learn", partial(projection.learn, enough=6))
    rebuilding.rebuild()
    made = rebuilding.reextract("vgg16-compact").generation
    before = Generation.objects.get(state=Generation.State.RETIRED)
    assert (before.learned_from, made.learned_from) == (6, 6)
    assert None not in (before.projection_id, made.projection_id, made.calibration)
    assert before.projection_id != made.projection_id
    assert len(ranking(pieces[0])) == 5


def test_a_catalogue_that_grew_learns_by_itself(catalogue):
    rebuilding.keep_up()
    assert spaces.active().learned_from == 0  # too few to learn from
    grow(5, 10)
    rebuilding.keep_up()
    assert spaces.active().learned_from == 0
    grow(5, 10, seed=1)
    rebuilding.keep_up()
    assert spaces.active().learned_from == 106
    assert spaces.active().projection


@pytest.mark.trains
def test_a_catalogue_that_grew_keeps_its_kind_of_codes(db):
    images = [*grow(12, 10), *grow(12, 10)]
    for number, image in enumerate(images):
        Image.objects.filter(pk=image.pk).update(
            collection=Collection.objects.get_or_create(name=f"Kind {number // 10}")[0]
        )
    rebuilding.rebuild(Codes(24, "collection"))
    grow(60, 5)
    rebuilding.keep_up()
    after = spaces.active()
    assert (after.learned_from, after.coder.bits, after.code_quality["taught_by"]) == (540, 24, "collection")
    Image.objects.update(collection=None)
    grow(60, 10)
    rebuilding.keep_up()  # the labels are gone
    after = spaces.active()
    assert (after.learned_from, after.coder.bits, after.code_quality) == (1140, 256, None)


def test_a_training_that_is_killed_leaves_the_active_generation(db, monkeypatch):
    images = grow(12, 10)
    Image.objects.update(collection=Collection.objects.create(name="Half"))
    Image.objects.filter(pk__lt=images[60].pk).update(collection=Collection.objects.create(name="Other half"))
    before = spaces.active()
    monkeypatch.setattr(latent, "learn", be_killed)
    with pytest.raises(ImageSearchError, match="stopped from outside"):
        rebuilding.rebuild(Codes(24, "collection"))
    assert spaces.active() == before
    assert rebuilding.rebuild().images == 120


def test_what_has_not_grown_is_left_alone(db):
    grow()
    rebuilding.keep_up()
    generation, before = spaces.active(), named()
    for _ in range(2):
        grow(1, 10)
        rebuilding.keep_up()
    assert spaces.active() == generation
    assert before < named()


def test_an_empty_catalogue_is_kept_up_without_a_generation(db):
    rebuilding.keep_up()
    assert not Generation.objects.exists()


@pytest.mark.parametrize("many", [True, False], ids=["to merge", "to learn from"])
def test_keeping_up_beside_a_rebuild_leaves_it_to_that(db, settings, monkeypatch, many):
    grow()
    if many:
        rebuilding.rebuild()
        for _ in range(2):
            grow(1, 10)
        monkeypatch.setattr(merging, "FAN", 2)
    before = (spaces.active(), named())
    with locks.held(settings.LOCKS_DIR / "rebuild.lock"):
        rebuilding.keep_up()
    assert (spaces.active(), named()) == before
    rebuilding.keep_up()
    assert (spaces.active(), named()) != before


def test_damage_stops_keeping_up_with_a_word_in_the_log_and_the_active_generation_serves(pieces, caplog):
    grow()
    generation = spaces.active()
    store.path_of(Segment.objects.first().name).write_bytes(b"")
    rebuilding.keep_up()
    assert spaces.active() == generation
    assert "could not be rebuilt" in caplog.text
    assert searching.search(searching.descriptor_of(pieces[5]), count=200).total == 124  # all that can be read
    integrity.repair()
    rebuilding.keep_up()
    assert spaces.active().projection


def test_a_disk_that_refuses_stops_keeping_up_and_the_active_generation_serves(pieces, monkeypatch, caplog):
    def refuse(*args):
        raise StoreUnavailable("The disk is full.")

    grow()
    generation = spaces.active()
    before = ranking(pieces[0])
    monkeypatch.setattr(store, "append", refuse)
    rebuilding.keep_up()
    assert spaces.active() == generation
    assert "The disk is full." in caplog.text
    assert ranking(pieces[0]) == before
