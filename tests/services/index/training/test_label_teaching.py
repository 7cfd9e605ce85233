"""Labels teach the ranking where held-out images and held-out labels show that it helps."""

import numpy as np
import pytest

from catalog.models import Collection, Image, Tag
from catalog.services.index import spaces
from catalog.services.index.training import projection_comparison, sampling
from catalog.services.index.training.label_teaching import TOLERANCE
from catalog.services.index.training.projection_choice import ProjectionChoice
from catalog.vectors import metrics
from tests import indexed_images

DIMENSIONS, KINDS, IMAGES_PER_KIND = 32, 12, 12
KIND_NUMBERS = np.repeat(np.arange(KINDS), IMAGES_PER_KIND)


def make_vectors(*, kinds: int = KINDS, each: int = IMAGES_PER_KIND, seed: int = 0, image_seed: int = 0) -> np.ndarray:
    """Return descriptors of kinds that differ along all axes. Images of a kind vary most along the first four.

    Args:
        seed: for the kinds.
        image_seed: for the images of these kinds.
    """
    centres = np.repeat(np.random.default_rng(seed).normal(size=(kinds, DIMENSIONS)), each, axis=0)
    deviations = np.random.default_rng(100 + image_seed).normal(size=centres.shape)
    deviations[:, :4] *= 3
    return indexed_images.normalise(0.8 * centres + deviations)


def add_labelled(vectors: np.ndarray, labels: np.ndarray) -> list[Image]:
    return indexed_images.add_indexed_images(vectors, collections=[f"Kind {label}" for label in labels])


def choose(label_kind: str | None = "collection") -> ProjectionChoice:
    space = spaces.active_space()
    locations = sampling.descriptor_locations(space)
    vectors = sampling.read_vectors(space, locations)
    return projection_comparison.choose_projection(space, locations, vectors, label_kind, automatic=False)


def mean_precision(choice: ProjectionChoice, vectors: np.ndarray, labels: np.ndarray) -> float:
    """The mean average precision of plain similarity after the projection."""
    rows = choice.projection.apply(vectors) if choice.projection else vectors
    similarities = rows @ rows.T
    np.fill_diagonal(similarities, -np.inf)
    ranked = np.argsort(-similarities, axis=1)[:, :-1]
    return float(metrics.average_precision(labels[ranked] == labels[:, np.newaxis]).mean())


def test_labels_teach_to_ignore_directions_along_which_images_of_a_kind_vary(db):
    add_labelled(make_vectors(), KIND_NUMBERS)
    untaught, taught = choose(None), choose()
    assert untaught.teaching is None
    assert (taught.name, taught.teaching.kind) == ("taught by collections", "collection")
    assert taught.measured_by == untaught.measured_by == "collection"
    assert taught.teaching.weight >= 1
    assert taught.teaching.held_out_images > taught.teaching.held_out_images_before + 0.1
    assert taught.teaching.known_share == 1
    new = make_vectors(image_seed=1)  # images that took no part in the choice
    assert mean_precision(taught, new, KIND_NUMBERS) > mean_precision(untaught, new, KIND_NUMBERS) + 0.1


def test_tags_teach_too(db):
    images = add_labelled(make_vectors(), KIND_NUMBERS)
    for collection in Collection.objects.order_by("pk"):
        members = list(collection.images.all())
        Tag.objects.create(name=collection.name).images.set(members)
    Image.objects.update(collection=None)
    taught = choose("tag")
    assert (taught.name, taught.teaching.kind, taught.images) == ("taught by tags", "tag", len(images))


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_say_nothing_teach_nothing(db, seed):
    add_labelled(make_vectors(seed=seed), np.random.default_rng(seed).permutation(KIND_NUMBERS))
    untaught, choice = choose(None), choose()
    assert choice.teaching.weight == 0
    assert choice.name == untaught.name
    assert (choice.projection is None) == (untaught.projection is None)
    if choice.projection is not None:
        assert np.array_equal(choice.projection.as_bytes(), untaught.projection.as_bytes())


def test_images_of_other_kinds_do_not_lose(db):
    """The more images show other kinds than the labelled ones, the less do the labels teach."""
    add_labelled(make_vectors(), KIND_NUMBERS)
    alone = choose()
    other_kinds = make_vectors(kinds=60, each=5, seed=1)
    indexed_images.add_indexed_images(other_kinds)
    mixed = choose()
    assert mixed.name == "taught by collections"
    assert mixed.teaching.known_share < 0.6
    assert mixed.teaching.weight < alone.teaching.weight
    assert mixed.teaching.held_out_labels >= mixed.teaching.held_out_labels_before - TOLERANCE
    numbers = np.repeat(np.arange(60), 5)
    assert mean_precision(mixed, other_kinds, numbers) > mean_precision(alone, other_kinds, numbers) + 0.02


def test_the_share_of_labelled_images_is_that_in_the_catalogue_although_only_a_sample_is_used(db, monkeypatch):
    add_labelled(make_vectors(), KIND_NUMBERS)
    indexed_images.add_indexed_images(make_vectors(kinds=1, each=5, seed=1))
    monkeypatch.setattr(sampling, "MAX_TRAINING_IMAGES", len(KIND_NUMBERS) // 2)
    assert choose().teaching.known_share > len(KIND_NUMBERS) / (len(KIND_NUMBERS) + 5) - 0.01


def test_few_labels_are_measured_by_held_out_images_alone(db):
    add_labelled(make_vectors(kinds=5, each=24), np.repeat(np.arange(5), 24))
    teaching = choose().teaching
    assert (teaching.held_out_labels, teaching.held_out_labels_before) == (None, None)
    assert teaching.held_out_images > teaching.held_out_images_before
