"""The overlays that say why an image matched."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Pixels

from catalog.models import QueryPhoto

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(search) -> str:
    return search(2).strip("/").split("/")[-1]


def of_photo(token: str, pk: int, which: str = "photo") -> str:
    return f"/search/{token}/why/{pk}/{which}.webp"


def of_image(pk: int, other: int, which: str = "photo") -> str:
    return f"/images/{pk}/why/{other}/{which}.webp"


def shown(answer) -> Pixels.Image:
    assert answer.status_code == 200
    return Pixels.open(io.BytesIO(answer.content))


def test_the_photo_and_what_it_found_are_shown_with_their_parts_lit(client, catalogue, token):
    overlays = [client.get(of_photo(token, catalogue[3].pk, which)) for which in ("photo", "image")]
    for answer in overlays:
        assert (shown(answer).format, shown(answer).size) == ("WEBP", (160, 120))
        assert answer["Content-Type"] == "image/webp"
        assert answer["Cache-Control"] == "private, max-age=3600"
    assert overlays[0].content != overlays[1].content


def test_two_images_of_the_catalogue_are_shown_with_their_parts_lit(client, catalogue):
    first, second = catalogue[:2]
    overlays = [client.get(of_image(first.pk, second.pk, which)) for which in ("photo", "image")]
    assert [shown(answer).format for answer in overlays] == ["WEBP", "WEBP"]
    turned = client.get(of_image(second.pk, first.pk, "image"))
    assert turned.content == overlays[0].content


def test_an_expired_search_explains_nothing(client, catalogue, token):
    QueryPhoto.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(of_photo(token, catalogue[0].pk)).status_code == 410
    assert client.get(of_photo("never-given", catalogue[0].pk)).status_code == 410


def test_what_is_not_there_is_not_found(client, catalogue, token):
    pk = catalogue[0].pk
    for address in (
        *(of_photo(token, 987_654), of_photo(token, 10**30), of_photo(token, pk, "other")),
        *(of_image(987_654, pk), of_image(pk, 987_654), of_image(pk, pk, "other")),
    ):
        assert client.get(address).status_code == 404, address


def test_a_waiting_image_has_nothing_to_explain_yet(client, catalogue, token):
    catalogue[0].descriptors.all().delete()
    first, second = catalogue[0].pk, catalogue[1].pk
    for address in (of_photo(token, first), of_image(first, second), of_image(second, first)):
        answer = client.get(address)
        assert answer.status_code == 409, address
        assert "is not described" in answer.content.decode()


def test_an_original_that_is_missing_is_told(client, catalogue, token):
    default_storage.delete(str(catalogue[0].original))
    answer = client.get(of_photo(token, catalogue[0].pk))
    assert answer.status_code == 422
    assert "is missing" in answer.content.decode()


def test_a_setting_has_explaining_need_an_account(client, catalogue, token, settings):
    settings.SEARCH_REQUIRES_LOGIN = True
    addresses = [of_photo(token, catalogue[0].pk), of_image(catalogue[0].pk, catalogue[1].pk)]
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("login"))
    client.force_login(User.objects.create_user("nobody"))
    assert [client.get(address).status_code for address in addresses] == [200, 200]


def test_explaining_is_only_read(client, catalogue, token):
    for address in (of_photo(token, catalogue[0].pk), of_image(catalogue[0].pk, catalogue[1].pk)):
        assert client.post(address).status_code == 405
