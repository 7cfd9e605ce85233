"""Explanations of hits."""

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.exceptions import CropRejected, NoIndexedImages, PictureRejected
from catalog.features.extractors import Extractor
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.ingest import uploads
from catalog.services.search import explanations, queries, query_photos, ranking
from catalog.services.search.options import SearchOptions
from tests import indexed_images


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
        assert contributions.grid.shape == (12, 12)  # the maps of the largest of the network's inputs
        assert contributions.grid.sum() == pytest.approx(explanation.score, abs=1e-5)


@pytest.fixture
def whitened_catalogue(catalogue) -> list[Image]:
    """Six images with files, and enough without files to fit a whitening. Returns the six."""
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    assert spaces.active_generation().whitening
    return catalogue


@pytest.mark.slow
def test_whitened_contributions_sum_to_score(whitened_catalogue, picture):
    results = ranking.search(queries.extract_query(picture(7)), SearchOptions(limit=200))
    scores = {hit.image: hit.score for hit in results.hits}
    photo = explanations.compute_photo_activations(picture(7))
    for image in whitened_catalogue:
        explanation = explanations.explain(photo, image)
        assert explanation.score == pytest.approx(scores[image], abs=1e-4)
        for contributions in (explanation.photo, explanation.image):
            assert contributions.grid.sum() == pytest.approx(explanation.score, abs=1e-4)
            assert np.isfinite(contributions.grid).all()


def test_picture_compared_with_itself_has_equal_contributions(whitened_catalogue, picture):
    explanation = explanations.explain(explanations.compute_photo_activations(picture(2)), whitened_catalogue[2])
    assert explanation.score == pytest.approx(1, abs=1e-4)
    assert explanation.photo.grid == pytest.approx(explanation.image.grid, abs=1e-4)


@pytest.mark.slow
def test_whitened_contributions_of_crop_and_of_image_sum_to_score(whitened_catalogue, picture):
    box = Box(40, 30, 80, 60)
    scores = {
        hit.image: hit.score
        for hit in ranking.search(queries.extract_query(picture(2), box), SearchOptions(limit=200)).hits
    }
    assert explanations.explain(
        explanations.compute_photo_activations(picture(2), box), whitened_catalogue[4]
    ).score == pytest.approx(scores[whitened_catalogue[4]], abs=1e-4)
    scores = {
        hit.image: hit.score for hit in ranking.search_similar(whitened_catalogue[0], SearchOptions(limit=200)).hits
    }
    explanation = explanations.explain(
        explanations.compute_image_activations(whitened_catalogue[0]), whitened_catalogue[3]
    )
    assert explanation.score == pytest.approx(scores[whitened_catalogue[3]], abs=1e-4)


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


def test_contributions_are_highest_at_matching_areas(db):
    image = uploads.add_picture(checkerboard_picture((88, 88)), "lower-right.png").image
    extraction.index_pending()
    explanation = explanations.explain(explanations.compute_photo_activations(checkerboard_picture((8, 8))), image)
    upper_left, lower_right = np.s_[:6, :6], np.s_[6:, 6:]
    assert explanation.photo.grid[upper_left].sum() > 3 * explanation.photo.grid[lower_right].sum()
    assert explanation.image.grid[lower_right].sum() > 2 * explanation.image.grid[upper_left].sum()


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
