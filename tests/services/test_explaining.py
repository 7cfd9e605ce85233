"""Why an image matched."""

import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.exceptions import CropRefused, NothingIndexed, PictureRefused
from catalog.features.extractors import Extractor
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services import explaining, indexing, queries, rebuilding, searching, spaces, uploads
from tests import described


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """How many pictures went through the network at each call."""
    counted: list[int] = []
    maps = Extractor.maps
    monkeypatch.setattr(Extractor, "maps", lambda self, batch: counted.append(len(batch)) or maps(self, batch))
    return counted


def checks(field: tuple[int, int]) -> bytes:
    """A plain picture with a chequered field in one of its quarters."""
    ground = np.full((160, 160, 3), 128, np.uint8)
    board = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 255
    ground[field[0] : field[0] + 64, field[1] : field[1] + 64] = board
    out = io.BytesIO()
    Pixels.fromarray(ground).save(out, "PNG")
    return out.getvalue()


def test_the_contributions_sum_to_the_score_of_the_search(catalogue, picture):
    hit = searching.search(searching.describe(picture(7))).hits[0]
    why = searching.explain(searching.see(picture(7)), hit.image)
    assert why.score == pytest.approx(hit.score, abs=1e-4)
    for parts in (why.photo, why.image):
        assert parts.contributions.shape == (12, 12)  # the maps of the largest of the network's inputs
        assert parts.contributions.sum() == pytest.approx(why.score, abs=1e-5)


@pytest.fixture
def whitened(catalogue) -> list[Image]:
    """Six images with their files, among so many without that a whitening is learned."""
    described.add(described.kinds(12, 10))
    rebuilding.rebuild()
    assert spaces.active().projection
    return catalogue


def test_under_a_whitening_the_contributions_sum_to_the_score_of_the_search(whitened, picture):
    found = searching.search(searching.describe(picture(7)), count=200)
    scores = {hit.image: hit.score for hit in found.hits}
    photo = searching.see(picture(7))
    for image in whitened:
        why = searching.explain(photo, image)
        assert why.score == pytest.approx(scores[image], abs=1e-4)
        for parts in (why.photo, why.image):
            assert parts.contributions.sum() == pytest.approx(why.score, abs=1e-4)
            assert np.isfinite(parts.contributions).all()


def test_under_a_whitening_a_picture_explains_its_own_score_of_one(whitened, picture):
    why = searching.explain(searching.see(picture(2)), whitened[2])
    assert why.score == pytest.approx(1, abs=1e-4)
    assert why.photo.contributions == pytest.approx(why.image.contributions, abs=1e-4)


def test_under_a_whitening_a_part_of_a_photo_and_an_image_of_the_catalogue_are_explained_too(whitened, picture):
    box = Box(40, 30, 80, 60)
    scores = {hit.image: hit.score for hit in searching.search(searching.describe(picture(2), box), count=200).hits}
    assert searching.explain(searching.see(picture(2), box), whitened[4]).score == pytest.approx(
        scores[whitened[4]], abs=1e-4
    )
    scores = {hit.image: hit.score for hit in searching.like(whitened[0], count=200).hits}
    why = searching.explain(explaining.see_image(whitened[0]), whitened[3])
    assert why.score == pytest.approx(scores[whitened[3]], abs=1e-4)


def test_the_overlays_are_small_and_of_the_shape_of_their_pictures(catalogue, picture):
    why = searching.explain(searching.see(picture(7, size=(1600, 800))), catalogue[0])
    assert why.photo.overlay.size == (400, 200)
    assert why.image.overlay.size == (160, 120)


def test_a_pair_takes_two_passes_and_each_further_image_one(catalogue, picture, passes):
    photo = searching.see(picture(7))
    searching.explain(photo, catalogue[0])
    assert passes == [1, 1]
    searching.explain(photo, catalogue[1])
    assert passes == [1, 1, 1]


def test_where_the_thing_is_in_each_picture_is_what_counts(db):
    image = uploads.add(checks((88, 88)), "lower-right.png").image
    indexing.index_pending()
    why = searching.explain(searching.see(checks((8, 8))), image)
    upper_left, lower_right = np.s_[:6, :6], np.s_[6:, 6:]
    assert why.photo.contributions[upper_left].sum() > 3 * why.photo.contributions[lower_right].sum()
    assert why.image.contributions[lower_right].sum() > 2 * why.image.contributions[upper_left].sum()


def test_a_part_of_a_photo_is_explained_alone(catalogue, picture):
    photo = searching.see(picture(2), Box(40, 30, 80, 60))
    hit = searching.search(searching.describe(picture(2), Box(40, 30, 80, 60))).hits[0]
    why = searching.explain(photo, hit.image)
    assert why.photo.overlay.size == (80, 60)
    assert why.score == pytest.approx(hit.score, abs=1e-4)
    with pytest.raises(CropRefused, match="beyond"):
        searching.see(picture(2), Box(900, 900, 10, 10))


def test_two_images_of_the_catalogue_are_explained_to_each_other(catalogue):
    scores = {hit.image: hit.score for hit in searching.like(catalogue[0]).hits}
    why = searching.explain(explaining.see_image(catalogue[0]), catalogue[3])
    assert why.score == pytest.approx(scores[catalogue[3]], abs=1e-4)


def test_a_kept_photo_is_explained_as_it_was_sought(catalogue, picture):
    photo = queries.remember(picture(4), "mine.jpg")
    why = searching.explain(queries.seen(photo), catalogue[4])
    assert why.score > 0.98
    assert why.space.key == photo.space_key


def test_an_image_that_is_not_described_has_nothing_to_explain(catalogue, picture):
    waiting = uploads.add(picture(50), "waiting.jpg").image
    with pytest.raises(NothingIndexed, match="is not described"):
        searching.explain(searching.see(picture(0)), waiting)
    with pytest.raises(NothingIndexed, match="is not described"):
        explaining.see_image(waiting)


def test_an_image_without_its_original_is_told(catalogue, picture):
    default_storage.delete(str(catalogue[0].original))
    with pytest.raises(PictureRefused, match="is missing"):
        searching.explain(searching.see(picture(0)), catalogue[0])


def test_an_empty_catalogue_says_that_nothing_is_searchable(db, picture):
    with pytest.raises(NothingIndexed, match="Add pictures"):
        searching.see(picture())
