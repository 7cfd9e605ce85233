"""A generation is trained on the stored descriptors, and again when the catalogue has changed enough."""

import numpy as np
import pytest

from catalog.exceptions import SegmentDamaged
from catalog.models import Descriptor, Generation, Image, Segment, Whitening
from catalog.services.index import generation_summary, sampling, spaces, store, trained_parameters, training
from catalog.services.media import deletion
from catalog.vectors import calibration, whitening
from catalog.vectors.calibration import SimilarityLevel
from tests import indexed_images


def trained_generation() -> Generation:
    """Train the active generation and return it."""
    training.train(spaces.active_generation())
    return spaces.active_generation()


def test_hundred_images_train_whitening_and_calibration(db):
    vectors = indexed_images.clustered_vectors(10, 10)
    indexed_images.add_indexed_images(vectors)
    generation = trained_generation()
    assert generation.training_image_count == 100
    trained, expected = trained_parameters.whitening_of(generation), whitening.fit_whitening(vectors)
    assert np.array_equal(trained.mean, expected.mean)
    assert np.array_equal(trained.matrix, expected.matrix)
    assert trained_parameters.calibration_of(generation) == calibration.calibrate(trained.whiten(vectors))


def test_fewer_than_a_hundred_images_train_nothing(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(11, 9))
    generation = trained_generation()
    assert generation.training_image_count == 99
    assert trained_parameters.whitening_of(generation) is None
    assert trained_parameters.calibration_of(generation) is None


def test_forty_nine_images_train_nothing(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(7, 7))
    generation = trained_generation()
    assert generation.training_image_count == 49
    assert (trained_parameters.whitening_of(generation), trained_parameters.calibration_of(generation)) == (None, None)


def test_ninety_nine_images_train_no_whitening(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(9, 11))
    assert trained_parameters.whitening_of(trained_generation()) is None


def test_an_empty_catalogue_trains_nothing(db):
    spaces.get_or_create_active_space()
    generation = trained_generation()
    assert (generation.training_image_count, generation.whitening, generation.calibration) == (0, None, None)


def test_images_that_are_all_the_same_train_nothing(db):
    indexed_images.add_indexed_images(np.repeat(indexed_images.clustered_vectors(1, 1), 120, axis=0))
    generation = trained_generation()
    assert (generation.training_image_count, generation.whitening, generation.calibration) == (120, None, None)


def test_rows_of_deleted_images_are_not_used_for_training(db):
    kept, deleted = indexed_images.clustered_vectors(10, 12), indexed_images.clustered_vectors(10, 10, seed=1)
    indexed_images.add_indexed_images(kept)
    images = indexed_images.add_indexed_images(deleted)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images]))
    generation = trained_generation()
    assert generation.training_image_count == 120
    assert np.array_equal(trained_parameters.whitening_of(generation).matrix, whitening.fit_whitening(kept).matrix)


def test_nothing_is_trained_if_too_few_images_are_left(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10))
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:60]]))
    generation = trained_generation()
    assert (generation.training_image_count, generation.whitening, generation.calibration) == (40, None, None)


def test_descriptors_of_several_segments_train_together(db):
    vectors = indexed_images.clustered_vectors(10, 12)
    for part in np.split(vectors, 3):
        indexed_images.add_indexed_images(part)
    assert np.array_equal(
        trained_parameters.whitening_of(trained_generation()).matrix, whitening.fit_whitening(vectors).matrix
    )


def test_the_same_catalogue_gives_the_same_whitening_which_is_stored_once(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 12))
    first = trained_generation()
    again = trained_generation()
    assert (first.whitening_id, first.calibration) == (again.whitening_id, again.calibration)
    assert Whitening.objects.count() == 1


@pytest.fixture
def sample_of_110(monkeypatch) -> None:
    """Train on a sample of at most 110 images."""
    monkeypatch.setattr(sampling, "MAX_TRAINING_IMAGES", 110)


def test_training_sample_is_deterministic(db, monkeypatch, sample_of_110):
    samples = []
    monkeypatch.setattr(whitening, "fit_whitening", samples.append)
    vectors = indexed_images.clustered_vectors(20, 10)
    for part in np.split(vectors, 4):
        indexed_images.add_indexed_images(part)
    for _ in range(2):
        trained_generation()
    assert np.array_equal(samples[0], samples[1])
    positions = [np.flatnonzero((vectors == row).all(axis=1)).item() for row in samples[0]]
    assert len(set(positions)) == 110
    assert min(np.bincount(np.array(positions) // 50)) > 10  # from every segment


def test_large_catalogue_retrains_only_when_doubled(db, sample_of_110):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(20, 20))
    generation = trained_generation()
    assert generation.training_image_count == 400
    assert not training.needs_rebuild(generation)
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(20, 20, seed=1))
    assert training.needs_rebuild(generation)


def test_damaged_segment_is_reported_and_training_is_kept(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 12))
    before = trained_generation()
    store.segment_path(Segment.objects.get().name).write_bytes(b"")
    with pytest.raises(SegmentDamaged):
        trained_generation()
    assert spaces.active_generation().whitening_id == before.whitening_id


@pytest.mark.parametrize(
    ("trained_on", "images", "expected"),
    [
        (0, 0, False),
        (0, 49, False),
        (0, 100, True),  # enough for a calibration
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
def test_generation_needs_rebuild_after_doubling(db, trained_on, images, expected):
    spaces.get_or_create_active_space()
    if images:
        indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, images))
    Generation.objects.update(training_image_count=trained_on)
    assert training.needs_rebuild(spaces.active_generation()) is expected


def test_deleted_images_do_not_count_as_growth(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(11, 10))
    assert training.needs_rebuild(spaces.active_generation())
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:11]]))
    assert Descriptor.objects.count() == 110
    assert not training.needs_rebuild(spaces.active_generation())


@pytest.mark.parametrize(
    ("images_per_kind", "whitening_text", "levels_text"),
    [
        (100, "whitened, fitted to 1,000 images", "Same picture from 0."),
        (1, "not whitened: fewer than 100 images", "not calibrated: fewer than 100 different images"),
    ],
)
def test_training_is_described(db, images_per_kind, whitening_text, levels_text):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, images_per_kind))
    generation = trained_generation()
    assert generation_summary.describe_whitening(generation) == whitening_text
    assert generation_summary.describe_score_levels(generation).startswith(levels_text)


def test_missing_training_is_described(db):
    indexed_images.add_indexed_images(np.repeat(indexed_images.clustered_vectors(1, 1), 120, axis=0))
    assert generation_summary.describe_whitening(spaces.active_generation()) == "not whitened: not trained yet"
    text = generation_summary.describe_whitening(trained_generation())
    assert text == "not whitened: all images have the same descriptor"
    text = generation_summary.describe_score_levels(spaces.active_generation())
    assert text == "not calibrated: fewer than 100 different images"


def test_level_description_gives_min_scores(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 12))
    generation = trained_generation()
    min_score = trained_parameters.calibration_of(generation).min_score
    same, very_similar, similar = (
        f"{min_score(level):.2f}"
        for level in (SimilarityLevel.SAME, SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR)
    )
    text = f"Same picture from {same}, Very similar from {very_similar}, Similar from {similar}"
    assert generation_summary.describe_score_levels(generation) == text
