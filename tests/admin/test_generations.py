"""What a generation learned, as the admin tells it."""

import pytest
from django.urls import reverse

from catalog.models import Generation
from catalog.services import rebuilding, spaces
from tests import described

LIST = "/admin/catalog/generation/"


@pytest.fixture
def generation(db) -> Generation:
    described.add(described.kinds(12, 10))
    rebuilding.rebuild()
    return spaces.active()


def change_page(client, generation: Generation) -> str:
    return client.get(reverse("admin:catalog_generation_change", args=[generation.pk])).content.decode()


def test_the_list_says_what_each_generation_learned(admin, generation):
    page = admin.get(LIST).content.decode()
    assert '<td class="field-learned_from">120</td>' in page
    assert page.count('alt="True"') == 1  # the first generation was whitened by nothing
    assert page.count('alt="False"') == 1
    assert "same picture from 0.9" in page
    assert "not said: that takes 100 images that differ" in page


def test_the_page_of_a_generation_says_it_in_words(admin, generation):
    page = change_page(admin, generation)
    assert "whitened, as 120 images taught" in page
    assert "same picture from 0.9" in page
    assert "very alike from 0." in page
    for raw in ("median", "spread", generation.projection_id, str(generation.calibration["median"])):
        assert raw not in page


def test_the_page_of_a_generation_of_few_images_says_why_it_learned_nothing(admin, catalogue):
    rebuilding.rebuild()
    page = change_page(admin, spaces.active())
    assert "compared as they are: fewer than 100 images teach no whitening" in page
    assert "not said: that takes 100 images that differ" in page
