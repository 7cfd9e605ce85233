"""The page with the whole catalogue."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Image
from catalog.services import deletion, layouts

pytestmark = pytest.mark.django_db


@pytest.fixture
def layout(catalogue):
    layouts.keep_up()
    return layouts.current()


def test_every_image_has_a_place_a_name_and_an_address(client, catalogue, layout):
    page = client.get(reverse("map")).content.decode()
    places = reverse("map_places", args=[layout.pk])
    assert f'data-places="{places}"' in page
    rows = client.get(places).json()["images"]
    assert [row[0] for row in rows] == [image.pk for image in catalogue]
    assert [row[1] for row in rows] == list(range(6))
    assert all(0 <= row[2] <= 1 and 0 <= row[3] <= 1 for row in rows)
    assert [row[4:] for row in rows] == [[image.label, image.thumbnail_url] for image in catalogue]


def test_a_deleted_image_is_gone_at_once(client, catalogue, layout):
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    rows = client.get(reverse("map_places", args=[layout.pk])).json()["images"]
    assert [row[1] for row in rows] == [0, 1, 3, 4, 5]


def test_sheets_are_pictures_that_may_be_kept_for_ever(client, catalogue, layout):
    answer = client.get(reverse("map_sheet", args=[layout.pk, 0]))
    assert answer["Content-Type"] == "image/jpeg"
    assert "immutable" in answer["Cache-Control"]
    assert client.get(reverse("map_sheet", args=[layout.pk, 1])).status_code == 404
    assert client.get(reverse("map_sheet", args=[layout.pk + 1, 0])).status_code == 404


def test_a_missing_thumbnail_breaks_nothing(client, catalogue, layout):
    default_storage.delete(str(catalogue[0].thumbnail))
    assert client.get(reverse("map_sheet", args=[layout.pk, 0])).status_code == 200


def test_before_there_is_any_the_page_says_so(client):
    assert "Come back in a minute" in client.get(reverse("map")).content.decode()


def test_it_is_for_those_who_may_search(client, catalogue, layout, settings):
    settings.SEARCH_REQUIRES_LOGIN = True
    for address in (reverse("map"), reverse("map_places", args=[layout.pk]), reverse("map_sheet", args=[layout.pk, 0])):
        assert client.get(address).status_code == 302
