"""Overlays that explain why an image matched."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image as Pixels

from tests.services.search.query_photos.stored import expire

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo_token(submit_search) -> str:
    return submit_search(2).strip("/").split("/")[-1]


def photo_explanation_url(photo_token: str, pk: int, side: str = "photo") -> str:
    return f"/search/{photo_token}/explanation/{pk}/{side}.webp"


def image_explanation_url(pk: int, other: int, side: str = "photo") -> str:
    return f"/images/{pk}/explanation/{other}/{side}.webp"


def shown_images(response) -> Pixels.Image:
    assert response.status_code == 200
    return Pixels.open(io.BytesIO(response.content))


def test_photo_and_hit_are_shown_with_overlays(client, catalogue, photo_token):
    overlays = [client.get(photo_explanation_url(photo_token, catalogue[3].pk, which)) for which in ("photo", "image")]
    for response in overlays:
        assert (shown_images(response).format, shown_images(response).size) == ("WEBP", (160, 120))
        assert response["Content-Type"] == "image/webp"
        assert response["Cache-Control"] == "private, max-age=3600"
    assert overlays[0].content != overlays[1].content


def test_two_images_are_shown_with_overlays(client, catalogue):
    first, second = catalogue[:2]
    overlays = [client.get(image_explanation_url(first.pk, second.pk, which)) for which in ("photo", "image")]
    assert [shown_images(response).format for response in overlays] == ["WEBP", "WEBP"]
    turned = client.get(image_explanation_url(second.pk, first.pk, "image"))
    assert turned.content == overlays[0].content


def test_expired_photo_cannot_be_explained(client, catalogue, photo_token):
    expire()
    assert client.get(photo_explanation_url(photo_token, catalogue[0].pk)).status_code == 410
    assert client.get(photo_explanation_url("never-given", catalogue[0].pk)).status_code == 410


def test_missing_images_are_not_found(client, catalogue, photo_token):
    pk = catalogue[0].pk
    for url in (
        *(
            photo_explanation_url(photo_token, 987_654),
            photo_explanation_url(photo_token, 10**30),
            photo_explanation_url(photo_token, pk, "other"),
        ),
        *(
            image_explanation_url(987_654, pk),
            image_explanation_url(pk, 987_654),
            image_explanation_url(pk, pk, "other"),
        ),
    ):
        assert client.get(url).status_code == 404, url


def test_pending_image_cannot_be_explained(client, catalogue, photo_token):
    catalogue[0].descriptors.all().delete()
    first, second = catalogue[0].pk, catalogue[1].pk
    for url in (
        photo_explanation_url(photo_token, first),
        image_explanation_url(first, second),
        image_explanation_url(second, first),
    ):
        response = client.get(url)
        assert response.status_code == 409, url
        assert "is not indexed" in response.content.decode()


def test_missing_original_is_reported(client, catalogue, photo_token):
    default_storage.delete(str(catalogue[0].original))
    response = client.get(photo_explanation_url(photo_token, catalogue[0].pk))
    assert response.status_code == 422
    assert "is missing" in response.content.decode()


def test_explanations_require_search_access(client, catalogue, photo_token, settings):
    settings.SEARCH_REQUIRES_LOGIN = True
    urls = [
        photo_explanation_url(photo_token, catalogue[0].pk),
        image_explanation_url(catalogue[0].pk, catalogue[1].pk),
    ]
    for url in urls:
        response = client.get(url)
        assert (response.status_code, response.url.split("?")[0]) == (302, reverse("login"))
    client.force_login(User.objects.create_user("nobody"))
    assert [client.get(url).status_code for url in urls] == [200, 200]


def test_explanations_reject_post(client, catalogue, photo_token):
    for url in (
        photo_explanation_url(photo_token, catalogue[0].pk),
        image_explanation_url(catalogue[0].pk, catalogue[1].pk),
    ):
        assert client.post(url).status_code == 405
