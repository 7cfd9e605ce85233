"""The regions that a results page offers."""

import pytest

from catalog.demo.drawing import KINDS, draw_picture
from catalog.imaging.crops import Box
from catalog.services.search import query_photos, ranking
from catalog.services.search.regions import photo_regions
from tests.services.search.regions.cluttered import add_things, cluttered_photo, to_jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture
def things():
    return add_things()


def test_the_thing_is_offered_first_and_a_search_with_it_finds_its_kind(things):
    photo = query_photos.store_photo(cluttered_photo(KINDS[1]), "photo.jpg")
    crop = Box(*photo_regions.photo_regions(photo)[0])
    best = ranking.search(query_photos.photo_query(photo, crop)).hits[0]
    assert best.image.source.startswith(KINDS[1])
    assert best.score > ranking.search(query_photos.photo_query(photo)).hits[0].score


def test_regions_are_found_once(things, monkeypatch):
    photo = query_photos.store_photo(cluttered_photo(KINDS[1]), "photo.jpg")
    regions = photo_regions.photo_regions(photo)
    monkeypatch.setattr(photo_regions, "propose_regions", None)
    assert photo_regions.photo_regions(photo) == regions


def test_the_picture_of_an_image_has_no_region_that_is_known_better(things, client):
    picture = to_jpeg(draw_picture(KINDS[0], 0).resize((320, 240)))
    photo = query_photos.store_photo(picture, "photo.jpg")
    assert client.get(f"{photo.get_absolute_url()}regions/").json() == {"regions": []}
