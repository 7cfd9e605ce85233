"""The page of the similarity map."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Image
from catalog.services.media import deletion
from catalog.services.search import similarity_map

pytestmark = pytest.mark.django_db


@pytest.fixture
def current_map(catalogue):
    similarity_map.update_map()
    return similarity_map.current_map()


def test_every_image_has_position_label_and_thumbnail(client, catalogue, current_map):
    page = client.get(reverse("map")).content.decode()
    positions_url = reverse("map_positions", args=[current_map.pk])
    assert f'data-positions-url="{positions_url}"' in page
    rows = client.get(positions_url).json()["images"]
    assert [row[0] for row in rows] == [image.pk for image in catalogue]
    assert [row[1] for row in rows] == list(range(6))
    assert all(0 <= row[2] <= 1 and 0 <= row[3] <= 1 for row in rows)
    assert [row[4:] for row in rows] == [[image.label, image.thumbnail_url] for image in catalogue]


def test_deleted_image_is_removed_at_once(client, catalogue, current_map):
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    rows = client.get(reverse("map_positions", args=[current_map.pk])).json()["images"]
    assert [row[1] for row in rows] == [0, 1, 3, 4, 5]


def test_sprite_sheets_are_cacheable_pictures(client, catalogue, current_map):
    response = client.get(reverse("map_sprite_sheet", args=[current_map.pk, 0]))
    assert response["Content-Type"] == "image/jpeg"
    assert response["Cache-Control"] == "public, max-age=60, must-revalidate"
    assert client.get(reverse("map_sprite_sheet", args=[current_map.pk, 1])).status_code == 404
    assert client.get(reverse("map_sprite_sheet", args=[current_map.pk + 1, 0])).status_code == 404


def test_a_cached_sprite_sheet_is_current_until_one_of_its_images_is_deleted(client, catalogue, current_map):
    url = reverse("map_sprite_sheet", args=[current_map.pk, 0])
    headers = {"If-None-Match": client.get(url)["ETag"]}
    assert client.get(url, headers=headers).status_code == 304
    catalogue[0].delete()
    assert client.get(url, headers=headers).status_code == 200


def test_sprite_sheet_is_served_without_missing_thumbnail(client, catalogue, current_map):
    default_storage.delete(str(catalogue[0].thumbnail))
    assert client.get(reverse("map_sprite_sheet", args=[current_map.pk, 0])).status_code == 200


@pytest.mark.slow
def test_page_reports_missing_map(client):
    assert "Come back in a minute" in client.get(reverse("map")).content.decode()


def test_map_requires_search_permission(client, catalogue, current_map, settings):
    settings.SEARCH_REQUIRES_LOGIN = True
    for url in (
        reverse("map"),
        reverse("map_positions", args=[current_map.pk]),
        reverse("map_sprite_sheet", args=[current_map.pk, 0]),
    ):
        assert client.get(url).status_code == 302
