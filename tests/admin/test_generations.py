"""How the admin describes the training of a generation."""

import pytest
from django.urls import reverse

from catalog.models import Generation
from catalog.services.index import rebuilding, spaces
from tests import indexed_images

LIST_URL = "/admin/catalog/generation/"


@pytest.fixture
def generation(db) -> Generation:
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    return spaces.active_generation()


def change_page(client, generation: Generation) -> str:
    return client.get(reverse("admin:catalog_generation_change", args=[generation.pk])).content.decode()


@pytest.mark.slow
def test_list_shows_training_of_each_generation(admin, generation):
    page = admin.get(LIST_URL).content.decode()
    assert '<td class="field-training_image_count">120</td>' in page
    assert page.count('alt="True"') == 1  # the first generation has no projection
    assert page.count('alt="False"') == 1
    assert "Same picture from 0.9" in page
    assert "not calibrated: fewer than 100 different images" in page


def test_generation_page_describes_its_training(admin, generation):
    page = change_page(admin, generation)
    assert "centred: what all images have in common does not count" in page
    assert "Same picture from 0.9" in page
    assert "Very similar from 0." in page
    for raw in ("median", "spread", generation.projection_id, str(generation.calibration["median"])):
        assert raw not in page


def test_generation_page_explains_missing_training(admin, catalogue):
    rebuilding.rebuild()
    page = change_page(admin, spaces.active_generation())
    assert "compared as they are: fewer than 100 images" in page
    assert "not calibrated: fewer than 100 different images" in page
