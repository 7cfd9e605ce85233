"""Explanations of hits."""

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.exceptions import CropRejected, NoIndexedImages, PictureRejected
from catalog.features.extractors import Extractor
from catalog.imaging.crops import Box
from catalog.models import Generation, Image
from catalog.services.index import extraction, spaces
from catalog.services.index.training.trained_parameters import projection_of, save_projection
from catalog.services.ingest import uploads
from catalog.services.search import explanations, queries, query_photos, ranking
from catalog.vectors.projections.projection import Projection


@pytest.fixture
def forward_passes(monkeypatch) -> list[int]:
    """The batch size of each forward pass of the network."""
    counted: list[int] = []
    maps = Extractor.feature_maps
    monkeypatch.setattr(Extractor, "feature_maps", lambda self, batch: counted.append(len(batch)) or maps(self, batch))
    return counted


def checkerboard_picture(field: tuple[int, int]) -> bytes:
    """A grey picture with a chequered square at `field` (row, column)."""
    ground = np.full((160, 160, 3), 128, np.uint8)
    board = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 255
    ground[field[0] : field[0] + 64, field[1] : field[1] + 64] = board
    out = io.BytesIO()
    Pixels.fromarray(ground).save(out, "PNG")
    return out.getvalue()


def test_contributions_sum_to_score(catalogue, picture):
    hit = ranking.search(queries.extract_query(picture(7))).hits[0]
    explanation = explanations.explain(explanations.compute_photo_activations(picture(7)), hit.image)
    assert explanation.score == pytest.approx(hit.score, abs=1e-4)
    for contributions in (explanation.photo, explanation.image):
        assert contributions.grid.ndim == 2
        assert contributions.grid.shape[0] < contributions.grid.shape[1]  # the network keeps the aspect of the picture
        assert contributions.grid.sum() == pytest.approx(explanation.score, abs=1e-5)


@pytest.fixture
def projected_catalogue(catalogue) -> list[Image]:
    """Six images with files, in a generation with a projection. Returns the six."""
    dimensions = spaces.get_extractor(spaces.active_space()).space.dimensions
    rng = np.random.default_rng(0)
    mean, matrix = rng.normal(size=dimensions) / 50, rng.normal(size=(40, dimensions))
    projection = save_projection(Projection(mean.astype(np.float32), matrix.astype(np.float32)))
    Generation.objects.update(projection=projection)
    return catalogue


def projected_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """The cosine similarity of two descriptors after the projection of the active generation."""
    first, second = projection_of(spaces.active_generation()).apply(np.array([first, second]))
    return float(first @ second)


@pytest.mark.slow
def test_projected_contributions_sum_to_score(projected_catalogue, picture):
    photo = explanations.compute_photo_activations(picture(7))
    vector = queries.extract_query(picture(7)).vector
    for number, image in enumerate(projected_catalogue):
        explanation = explanations.explain(photo, image)
        expected = projected_similarity(vector, queries.extract_query(picture(number)).vector)
        assert explanation.score == pytest.approx(expected, abs=1e-4)
        for contributions in (explanation.photo, explanation.image):
            assert contributions.grid.sum() == pytest.approx(explanation.score, abs=1e-4)
            assert np.isfinite(contributions.grid).all()


def test_picture_compared_with_itself_has_equal_contributions(projected_catalogue, picture):
    explanation = explanations.explain(explanations.compute_photo_activations(picture(2)), projected_catalogue[2])
    assert explanation.score == pytest.approx(1, abs=1e-4)
    assert explanation.photo.grid == pytest.approx(explanation.image.grid, abs=1e-4)


@pytest.mark.slow
def test_projected_contributions_of_crop_and_of_image_sum_to_score(projected_catalogue, picture):
    box = Box(40, 30, 80, 60)
    photo = explanations.compute_photo_activations(picture(2), box)
    expected = projected_similarity(
        queries.extract_query(picture(2), box).vector, queries.extract_query(picture(4)).vector
    )
    assert explanations.explain(photo, projected_catalogue[4]).score == pytest.approx(expected, abs=1e-4)
    image = explanations.compute_image_activations(projected_catalogue[0])
    expected = projected_similarity(*(queries.extract_query(picture(number)).vector for number in (0, 3)))
    assert explanations.explain(image, projected_catalogue[3]).score == pytest.approx(expected, abs=1e-4)


def test_overlays_are_small_and_keep_aspect_ratio(catalogue, picture):
    explanation = explanations.explain(
        explanations.compute_photo_activations(picture(7, size=(1600, 800))), catalogue[0]
    )
    assert explanation.photo.overlay.size == (400, 200)
    assert explanation.image.overlay.size == (160, 120)


def test_each_picture_takes_one_forward_pass(catalogue, picture, forward_passes):
    photo = explanations.compute_photo_activations(picture(7))
    explanations.explain(photo, catalogue[0])
    assert forward_passes == [1, 1]
    explanations.explain(photo, catalogue[1])
    assert forward_passes == [1, 1, 1]


def centre_of_mass(grid: np.ndarray) -> np.ndarray:
    """The mean row and column of the positive contributions."""
    weights = grid.clip(0) / grid.clip(0).sum()
    return np.array([np.arange(grid.shape[0]) @ weights.sum(axis=1), np.arange(grid.shape[1]) @ weights.sum(axis=0)])


def test_contributions_are_highest_at_matching_areas(db):
    image = uploads.add_picture(checkerboard_picture((88, 88)), "lower-right.png").image
    extraction.index_pending()
    explanation = explanations.explain(explanations.compute_photo_activations(checkerboard_picture((8, 8))), image)
    distance = centre_of_mass(explanation.image.grid) - centre_of_mass(explanation.photo.grid)
    # The squares are 80 pixels apart, half a side; a location also sees what is around its cell.
    assert (distance > 0.05 * np.array(explanation.image.grid.shape)).all()


def test_only_crop_is_explained(catalogue, picture):
    photo = explanations.compute_photo_activations(picture(2), Box(40, 30, 80, 60))
    hit = ranking.search(queries.extract_query(picture(2), Box(40, 30, 80, 60))).hits[0]
    explanation = explanations.explain(photo, hit.image)
    assert explanation.photo.overlay.size == (80, 60)
    assert explanation.score == pytest.approx(hit.score, abs=1e-4)
    with pytest.raises(CropRejected, match="beyond"):
        explanations.compute_photo_activations(picture(2), Box(900, 900, 10, 10))


def test_two_images_of_catalogue_are_explained(catalogue):
    scores = {hit.image: hit.score for hit in ranking.search_similar(catalogue[0]).hits}
    explanation = explanations.explain(explanations.compute_image_activations(catalogue[0]), catalogue[3])
    assert explanation.score == pytest.approx(scores[catalogue[3]], abs=1e-4)


def test_stored_photo_is_explained_like_its_search(catalogue, picture):
    photo = query_photos.store_photo(picture(4), "mine.jpg")
    explanation = explanations.explain(query_photos.compute_stored_activations(photo), catalogue[4])
    assert explanation.score > 0.98
    assert explanation.space.key == photo.space_key


def test_pending_image_cannot_be_explained(catalogue, picture):
    waiting = uploads.add_picture(picture(50), "waiting.jpg").image
    with pytest.raises(NoIndexedImages, match="is not indexed"):
        explanations.explain(explanations.compute_photo_activations(picture(0)), waiting)
    with pytest.raises(NoIndexedImages, match="is not indexed"):
        explanations.compute_image_activations(waiting)


def test_missing_original_is_reported(catalogue, picture):
    default_storage.delete(str(catalogue[0].original))
    with pytest.raises(PictureRejected, match="is missing"):
        explanations.explain(explanations.compute_photo_activations(picture(0)), catalogue[0])


def test_empty_catalogue_cannot_explain(db, picture):
    with pytest.raises(NoIndexedImages, match="Add images"):
        explanations.compute_photo_activations(picture())
