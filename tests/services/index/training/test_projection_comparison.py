"""The projection of a generation is chosen by what ranks a sample of the catalogue best."""

import shutil

import numpy as np
import pytest
from django.core.files.storage import default_storage

from catalog.models import Image
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.index.training import projection_comparison, retrieval_samples, sampling
from catalog.services.index.training.projection_choice import Option, ProjectionChoice
from catalog.services.ingest import uploads
from tests import indexed_images

DIMENSIONS, KINDS, IMAGES_PER_KIND = 32, 12, 10
COUNT = KINDS * IMAGES_PER_KIND


def choose(*, automatic: bool = False) -> ProjectionChoice:
    space = spaces.active_space()
    locations = sampling.descriptor_locations(space)
    vectors = sampling.read_vectors(space, locations)
    return projection_comparison.choose_projection(space, locations, vectors, None, automatic=automatic)


def option(choice: ProjectionChoice, name: str) -> Option:
    return next(option for option in choice.options if option.name == name)


def add_labelled(vectors: np.ndarray) -> None:
    names = [f"Kind {number}" for number in range(KINDS) for _ in range(IMAGES_PER_KIND)]
    indexed_images.add_indexed_images(indexed_images.normalise(vectors), collections=names)


def kinds(dimensions: int = DIMENSIONS) -> np.ndarray:
    """A random vector for each kind, repeated for each of its images."""
    return np.repeat(np.random.default_rng(0).normal(size=(KINDS, dimensions)), IMAGES_PER_KIND, axis=0)


def noise() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(COUNT, DIMENSIONS))


def vectors_with_common_part() -> np.ndarray:
    """What all images have in common varies in strength and makes them similar."""
    strength = 4 + 2 * np.random.default_rng(2).random((COUNT, 1))
    return strength + 0.5 * kinds() + 0.5 * noise()


def vectors_with_wide_noise() -> np.ndarray:
    """The directions along which the catalogue varies most tell nothing about the kind."""
    vectors = kinds() + 0.5 * noise()
    vectors[:, :3] += 4 * np.random.default_rng(2).normal(size=(COUNT, 3))
    return vectors


def vectors_with_wide_kinds() -> np.ndarray:
    """The directions along which the catalogue varies most tell the kinds apart, so whitening hurts."""
    vectors = 0.3 * noise()
    vectors[:, :4] += kinds(4)
    return vectors


@pytest.mark.parametrize(
    ("make_vectors", "expected"),
    [
        (vectors_with_common_part, "centred"),
        (vectors_with_wide_noise, "whitened 4"),
        (vectors_with_wide_kinds, "plain"),
    ],
)
def test_labels_decide(db, make_vectors, expected):
    add_labelled(make_vectors())
    choice = choose()
    assert (choice.name, choice.measured_by, choice.images) == (expected, "collection", COUNT)
    assert (choice.projection is None) == (expected == "plain")
    assert [option.name for option in choice.options] == [
        "plain", "centred", "whitened 64", "whitened 16", "whitened 4"
    ]  # fmt: skip


@pytest.mark.parametrize("make_vectors", [vectors_with_common_part, vectors_with_wide_noise, vectors_with_wide_kinds])
def test_the_choice_ranks_the_sample_no_worse_than_plain_similarity(db, make_vectors):
    add_labelled(make_vectors())
    choice = choose()
    chosen, plain = option(choice, choice.name), option(choice, "plain")
    assert (chosen.quality_augmented if choice.augmented else chosen.quality) >= plain.quality
    qualities = [option.quality_augmented if choice.augmented else option.quality for option in choice.options]
    assert max(qualities) - (chosen.quality_augmented if choice.augmented else chosen.quality) <= (
        2 * projection_comparison.MIN_GAIN
    )


def test_whitening_that_hurts_is_measured_as_worse(db):
    add_labelled(vectors_with_wide_kinds())
    choice = choose()
    assert option(choice, "whitened 4").quality < option(choice, "plain").quality - 0.05


def test_neighbours_that_mislead_do_not_take_part(db):
    """Pairs of images among others that are nearly as similar: what is added to an image is mostly another kind."""
    rng = np.random.default_rng(0)
    pairs = np.repeat(rng.normal(size=(60, 4)), 2, axis=0) + 0.12 * rng.normal(size=(120, 4))
    names = [f"Pair {number // 2}" for number in range(120)]
    indexed_images.add_indexed_images(indexed_images.normalise(pairs), collections=names)
    choice = choose()
    assert not choice.augmented
    assert max(option.quality_augmented for option in choice.options) < option(choice, "plain").quality
    generation = rebuilding.rebuild().generation
    assert not generation.is_augmented
    assert generation.projection_choice["augmented"] is False


def test_what_was_compared_is_stored_with_the_generation(db):
    add_labelled(vectors_with_common_part())
    generation = rebuilding.rebuild().generation
    assert generation.projection_choice == choose().as_json()
    assert generation.projection
    assert generation.is_augmented


def test_fewer_than_a_hundred_images_are_not_compared(db):
    names = [f"Kind {number % 9}" for number in range(99)]
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(9, 11), collections=names)
    assert choose() == ProjectionChoice(None, "plain")


def test_images_without_labels_and_originals_are_centred(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    choice = choose()
    assert (choice.name, choice.measured_by, choice.options) == ("centred", "", [])
    assert choice.projection.matrix is None


def test_equal_images_are_compared_as_they_are(db):
    indexed_images.add_indexed_images(np.repeat(indexed_images.clustered_vectors(1, 1), 120, axis=0))
    assert choose() == ProjectionChoice(None, "plain")


@pytest.fixture
def pictures_without_labels(db, picture, monkeypatch) -> list[Image]:
    """Eight small pictures with files among 100 images without; copies are made of those with files."""
    for number in range(8):
        uploads.add_picture(picture(number), f"{number}.jpg")
    extraction.index_pending()
    images = list(Image.objects.order_by("pk"))
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10))
    monkeypatch.setattr(retrieval_samples, "COPIED_IMAGES", 108)
    monkeypatch.setattr(retrieval_samples, "MIN_COPIED_IMAGES", 4)
    return images


def test_altered_copies_decide_where_there_are_no_labels(pictures_without_labels):
    choice = choose()
    assert (choice.measured_by, choice.images, choice.augmented) == ("copies", 108, True)
    assert [option.name for option in choice.options] == ["plain", "centred"]  # whitening needs more images
    chosen = option(choice, choice.name)
    assert 0 < option(choice, "plain").quality_augmented <= chosen.quality_augmented <= 1


def test_each_copy_is_a_query_for_its_original(pictures_without_labels):
    space = spaces.active_space()
    locations = sampling.descriptor_locations(space)
    sample = retrieval_samples.copy_sample(space, locations, 108)
    assert np.bincount(sample.originals).tolist() == [3] * 8  # three alterations of each picture that can be read
    assert locations[:8, 2].tolist() == [image.pk for image in pictures_without_labels]
    similarities = sample.copies @ sample.vectors.T
    by_hand = [
        1 / (1 + (row > row[original]).sum()) for row, original in zip(similarities, sample.originals, strict=True)
    ]
    assert sample.measure(None).plain == pytest.approx(np.mean(by_hand))


def test_an_automatic_rebuild_of_a_small_catalogue_makes_no_copies(pictures_without_labels):
    choice = choose(automatic=True)
    assert (choice.name, choice.measured_by) == ("centred", "")


def test_originals_that_cannot_be_read_are_not_used(pictures_without_labels):
    default_storage.delete(str(pictures_without_labels[0].original))
    sample = retrieval_samples.copy_sample(
        spaces.active_space(), sampling.descriptor_locations(spaces.active_space()), 108
    )
    assert 0 not in sample.originals
    shutil.rmtree(default_storage.path("originals"))
    assert (choose().name, choose().measured_by) == ("centred", "")
