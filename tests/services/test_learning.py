"""What a generation learns from the descriptors that are stored, and when it is time to learn again."""

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from catalog.exceptions import SegmentDamaged
from catalog.features.spaces import Space
from catalog.models import Descriptor, Generation, Image, Projection, Segment
from catalog.services import deletion, learning, spaces, store
from catalog.vectors import calibration, projection
from catalog.vectors.calibration import Likeness
from tests import described


def learned() -> Generation:
    """The active generation, once it has learned."""
    learning.learn(spaces.active())
    return spaces.active()


def test_a_hundred_images_teach_a_whitening_and_what_scores_mean(db):
    vectors = described.kinds(10, 10)
    described.add(vectors)
    generation = learned()
    assert generation.learned_from == 100
    taught = learning.projection_of(generation)
    by_themselves = projection.learn(vectors)
    assert np.array_equal(taught.mean, by_themselves.mean)
    assert np.array_equal(taught.matrix, by_themselves.matrix)
    assert learning.calibration_of(generation) == calibration.calibrate(taught.whitened(vectors))


def test_fewer_than_a_hundred_images_teach_nothing(db):
    described.add(described.kinds(11, 9))
    generation = learned()
    assert generation.learned_from == 99
    assert learning.projection_of(generation) is None
    assert learning.calibration_of(generation) is None


def test_fewer_teach_neither(db):
    described.add(described.kinds(7, 7))
    generation = learned()
    assert generation.learned_from == 49
    assert (learning.projection_of(generation), learning.calibration_of(generation)) == (None, None)


def test_ninety_nine_images_teach_no_whitening(db):
    described.add(described.kinds(9, 11))
    assert learning.projection_of(learned()) is None


def test_an_empty_catalogue_teaches_nothing(db):
    spaces.active_or_first()
    generation = learned()
    assert (generation.learned_from, generation.projection, generation.calibration) == (0, None, None)


def test_images_that_are_all_the_same_teach_nothing(db):
    described.add(np.repeat(described.kinds(1, 1), 120, axis=0))
    generation = learned()
    assert (generation.learned_from, generation.projection, generation.calibration) == (120, None, None)


def test_the_rows_of_deleted_images_teach_nothing(db):
    staying, going = described.kinds(10, 12), described.kinds(10, 10, seed=1)
    described.add(staying)
    images = described.add(going)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images]))
    generation = learned()
    assert generation.learned_from == 120
    assert np.array_equal(learning.projection_of(generation).matrix, projection.learn(staying).matrix)


def test_deletions_that_leave_too_few_leave_nothing_to_learn_from(db):
    images = described.add(described.kinds(10, 10))
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:60]]))
    generation = learned()
    assert (generation.learned_from, generation.projection, generation.calibration) == (40, None, None)


def test_descriptors_of_several_segments_teach_together(db):
    vectors = described.kinds(10, 12)
    for part in np.split(vectors, 3):
        described.add(part)
    assert np.array_equal(learning.projection_of(learned()).matrix, projection.learn(vectors).matrix)


def test_the_same_catalogue_teaches_the_same_and_is_kept_once(db):
    described.add(described.kinds(10, 12))
    first = learned()
    again = learned()
    assert (first.projection_id, first.calibration) == (again.projection_id, again.calibration)
    assert Projection.objects.count() == 1


@pytest.fixture
def sample_of_110(monkeypatch) -> None:
    monkeypatch.setattr(learning, "SAMPLE", 110)


def test_of_more_images_than_a_sample_the_same_ones_teach_every_time(db, monkeypatch, sample_of_110):
    shown = []
    monkeypatch.setattr(projection, "learn", shown.append)
    vectors = described.kinds(20, 10)
    for part in np.split(vectors, 4):
        described.add(part)
    for _ in range(2):
        learned()
    assert np.array_equal(shown[0], shown[1])
    places = [np.flatnonzero((vectors == row).all(axis=1)).item() for row in shown[0]]
    assert len(set(places)) == 110
    assert min(np.bincount(np.array(places) // 50)) > 10  # from every segment


def test_a_catalogue_larger_than_a_sample_learns_when_it_has_doubled_and_not_all_the_time(db, sample_of_110):
    described.add(described.kinds(20, 20))
    generation = learned()
    assert generation.learned_from == 400
    assert not learning.outgrown(generation)
    described.add(described.kinds(20, 20, seed=1))
    assert learning.outgrown(generation)


def test_a_damaged_segment_is_told_and_what_was_learned_stays(db):
    described.add(described.kinds(10, 12))
    before = learned()
    store.path_of(Segment.objects.get().name).write_bytes(b"")
    with pytest.raises(SegmentDamaged):
        learned()
    assert spaces.active().projection_id == before.projection_id


@pytest.mark.parametrize(
    ("taught", "images", "outgrown"),
    [
        (0, 0, False),
        (0, 49, False),
        (0, 100, True),  # enough to say what scores mean
        (49, 50, False),
        (50, 99, False),
        (80, 99, False),
        (80, 100, True),  # enough for a whitening
        (100, 199, False),
        (100, 200, True),
        (150, 299, False),
        (150, 300, True),
        (240, 121, False),
        (240, 120, True),  # half were deleted
    ],
)
def test_a_generation_is_outgrown_at_twice_the_images_or_at_the_first_that_are_enough(db, taught, images, outgrown):
    spaces.active_or_first()
    if images:
        described.add(described.kinds(1, images))
    Generation.objects.update(learned_from=taught)
    assert learning.outgrown(spaces.active()) is outgrown


def test_deleted_images_do_not_count_as_growth(db):
    images = described.add(described.kinds(11, 10))
    assert learning.outgrown(spaces.active())
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:11]]))
    assert Descriptor.objects.count() == 110
    assert not learning.outgrown(spaces.active())


@pytest.mark.parametrize(
    ("each", "compared", "scored"),
    [
        (100, "whitened, as 1,000 images taught", "same picture from 0."),
        (1, "compared as they are: fewer than 100 images teach no whitening", "not said: that takes 100 images"),
    ],
)
def test_what_was_learned_is_told_in_words(db, each, compared, scored):
    described.add(described.kinds(10, each))
    generation = learned()
    assert learning.comparison_in_words(generation) == compared
    assert learning.scores_in_words(generation).startswith(scored)


def test_what_was_not_learned_yet_or_cannot_be_is_told_in_words(db):
    described.add(np.repeat(described.kinds(1, 1), 120, axis=0))
    assert learning.comparison_in_words(spaces.active()) == "compared as they are: nothing is learned yet"
    told = learning.comparison_in_words(learned())
    assert told == "compared as they are: the images are all the same to the network"
    assert learning.scores_in_words(spaces.active()) == "not said: that takes 100 images that differ"


def test_the_words_for_scores_name_the_lowest_score_of_each(db):
    described.add(described.kinds(10, 12))
    generation = learned()
    least = learning.calibration_of(generation).least
    same, very, alike = (f"{least(word):.2f}" for word in (Likeness.SAME, Likeness.VERY, Likeness.ALIKE))
    told = f"same picture from {same}, very alike from {very}, alike from {alike}"
    assert learning.scores_in_words(generation) == told


OF_ONE_SIZE = {
    "extractor": "vgg16",
    "weights_digest": "0123456789abcdef" * 4,
    "input_size": 224,
    "layer": "block5_conv3",
    "pooling": "rmac",
    "dimensions": 512,
}


def test_a_space_of_before_is_carried_over_with_its_one_input_size(transactional_db):
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("catalog")
    try:
        before = migrated_to([("catalog", "0001_initial")])
        before.get_model("catalog", "FeatureSpace").objects.create(
            key="vgg16-224", extractor="vgg16", description=OF_ONE_SIZE
        )
    finally:
        after = migrated_to(latest)
    row = after.get_model("catalog", "FeatureSpace").objects.get(key="vgg16-224")
    space = Space.from_json(row.description)
    assert (space.input_sizes, space.decoded_side) == ((224,), 512)
    assert {**row.description, "input_size": 224} == {**OF_ONE_SIZE, "input_sizes": [224], "decoded_side": 512}


def migrated_to(names: list[tuple[str, str]]):
    """The models as they are once the tables are migrated to these names."""
    executor = MigrationExecutor(connection)
    executor.migrate(names)
    return executor.loader.project_state(names).apps
