"""A generation is trained on the stored descriptors, and again when the catalogue has changed enough."""

import numpy as np
import pytest

from catalog.exceptions import SegmentDamaged
from catalog.models import Descriptor, Generation, Image, Projection, Segment
from catalog.services.index import live_index, rebuilding, spaces, store
from catalog.services.index.training import generation_training, projection_comparison, sampling, trained_parameters
from catalog.services.media import deletion
from catalog.vectors.projections import unsupervised
from tests import indexed_images
from tests.vectors.neighbours.dense_reference import DenseReference


def trained_generation() -> Generation:
    """Train the active generation and return it."""
    generation_training.train(spaces.active_generation())
    return spaces.active_generation()


def stored(vectors: np.ndarray) -> np.ndarray:
    """Descriptors as segments hold them."""
    return vectors.astype(np.float16).astype(np.float32)


def trained_parts(generation: Generation) -> tuple[object, object, object]:
    return generation.projection, generation.encoder, generation.calibration


def test_hundred_images_train_projection_codes_and_calibration(db):
    vectors = indexed_images.clustered_vectors(10, 10)
    indexed_images.add_indexed_images(vectors)
    generation = rebuilding.rebuild().generation
    assert generation.training_image_count == 100
    trained, expected = trained_parameters.projection_of(generation), unsupervised.fit_centring(stored(vectors))
    assert np.array_equal(trained.mean, expected.mean)
    assert trained_parameters.encoder_of(generation).bits == 256
    assert trained_parameters.calibration_of(generation)


def test_ninety_nine_images_train_nothing(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(11, 9))
    generation = rebuilding.rebuild().generation
    assert generation.training_image_count == 99
    assert trained_parts(generation) == (None, None, None)


def test_an_empty_catalogue_trains_nothing(db):
    generation = rebuilding.rebuild().generation
    assert (generation.training_image_count, *trained_parts(generation)) == (0, None, None, None)


def test_images_that_are_all_the_same_train_nothing(db):
    indexed_images.add_indexed_images(np.repeat(indexed_images.clustered_vectors(1, 1), 120, axis=0))
    generation = rebuilding.rebuild().generation
    assert (generation.training_image_count, *trained_parts(generation)) == (120, None, None, None)


def test_calibration_describes_the_scores_of_random_pairs(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    generation = rebuilding.rebuild().generation
    snapshot = live_index.INDEX.view(generation).snapshot
    reference = DenseReference(snapshot)
    scores = [
        np.delete(reference.score(reference.plain[row], images[row].pk), row) for row in range(len(reference.ids))
    ]
    transformed = np.arctanh(np.concatenate(scores))
    low, median = np.quantile(transformed, [0.1587, 0.5])
    calibration = trained_parameters.calibration_of(generation)
    assert calibration.median == pytest.approx(median, abs=1e-3)
    assert calibration.spread == pytest.approx(median - low, abs=1e-3)


def test_rows_of_deleted_images_are_not_used_for_training(db):
    kept, deleted = indexed_images.clustered_vectors(10, 12), indexed_images.clustered_vectors(10, 10, seed=1)
    indexed_images.add_indexed_images(kept)
    images = indexed_images.add_indexed_images(deleted)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images]))
    generation = trained_generation()
    assert generation.training_image_count == 120
    expected = unsupervised.fit_centring(stored(kept))
    assert np.array_equal(trained_parameters.projection_of(generation).mean, expected.mean)


def test_nothing_is_trained_if_too_few_images_are_left(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10))
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:60]]))
    generation = trained_generation()
    assert (generation.training_image_count, *trained_parts(generation)) == (40, None, None, None)


def test_descriptors_of_several_segments_train_together(db):
    vectors = indexed_images.clustered_vectors(10, 12)
    for part in np.split(vectors, 3):
        indexed_images.add_indexed_images(part)
    expected = unsupervised.fit_centring(stored(vectors))
    assert np.array_equal(trained_parameters.projection_of(trained_generation()).mean, expected.mean)


def test_the_same_catalogue_gives_the_same_projection_which_is_stored_once(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 12))
    first = trained_generation()
    again = trained_generation()
    assert (first.projection_id, first.encoder_id) == (again.projection_id, again.encoder_id)
    assert Projection.objects.count() == 1


@pytest.fixture
def sample_of_110(monkeypatch) -> None:
    """Train on a sample of at most 110 images."""
    monkeypatch.setattr(sampling, "MAX_TRAINING_IMAGES", 110)


def test_training_sample_is_deterministic(db, monkeypatch, sample_of_110):
    samples, fit_centring = [], projection_comparison.fit_centring
    monkeypatch.setattr(
        projection_comparison, "fit_centring", lambda vectors: samples.append(vectors) or fit_centring(vectors)
    )
    vectors = stored(indexed_images.clustered_vectors(20, 10))
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
    assert not generation_training.needs_rebuild(generation)
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(20, 20, seed=1))
    assert generation_training.needs_rebuild(generation)


def test_damaged_segment_is_reported_and_training_is_kept(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 12))
    before = trained_generation()
    store.segment_path(Segment.objects.get().name).write_bytes(b"")
    with pytest.raises(SegmentDamaged):
        trained_generation()
    assert before.projection_id
    assert spaces.active_generation().projection_id == before.projection_id


@pytest.mark.parametrize(
    ("trained_on", "images", "expected"),
    [
        (0, 0, False),
        (0, 49, False),
        (0, 100, True),  # enough for a calibration
        (49, 50, False),
        (50, 99, False),
        (80, 99, False),
        (80, 100, True),  # enough for a projection
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
    assert generation_training.needs_rebuild(spaces.active_generation()) is expected


def test_deleted_images_do_not_count_as_growth(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(11, 10))
    assert generation_training.needs_rebuild(spaces.active_generation())
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:11]]))
    assert Descriptor.objects.count() == 110
    assert not generation_training.needs_rebuild(spaces.active_generation())
