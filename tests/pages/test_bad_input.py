"""Each bad input has its own clear answer, on the search page and on the upload page."""

import pytest
from django.urls import reverse

from catalog.models import Image, QueryPhoto
from tests.imaging.pictures import endless_gif

from .bad_pictures import NAMES, REFUSED
from .conftest import JSON, file_of

pytestmark = pytest.mark.django_db

every_refusal = pytest.mark.parametrize(("name", "data", "words"), REFUSED.values(), ids=REFUSED)
every_name = pytest.mark.parametrize(("given", "ending"), NAMES.values(), ids=NAMES)


@every_refusal
def test_searching_with_it_says_what_is_wrong(client, catalogue, name, data, words):
    answer = client.post(reverse("search_submit"), {"photo": file_of(data, name)})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not QueryPhoto.objects.exists()


@every_refusal
def test_uploading_it_says_what_is_wrong(client, uploader, name, data, words):
    client.force_login(uploader)
    outcome = client.post(reverse("upload"), {"files": file_of(data, name)}, headers=JSON).json()["outcomes"][0]
    assert outcome["outcome"] == "refused"
    assert words in outcome["reason"]
    assert not Image.objects.exists()


def test_a_photo_of_too_many_bytes_is_too_large(client, catalogue, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    answer = client.post(reverse("search_submit"), {"photo": file_of(picture(1))})
    assert answer.status_code == 413
    assert "1,000 are taken at most" in answer.content.decode()


def test_a_film_of_ten_thousand_frames_is_searched_with_by_its_first(client, catalogue):
    answer = client.post(reverse("search_submit"), {"photo": file_of(endless_gif(10_000), "film.gif")})
    assert answer.status_code == 302


@every_name
def test_a_strange_name_is_made_harmless(client, uploader, catalogue, picture, given, ending):
    client.force_login(uploader)
    results = client.post(reverse("search_submit"), {"photo": file_of(picture(1), given)}, follow=True)
    assert results.status_code == 200
    assert QueryPhoto.objects.get().label.endswith(ending)
    outcome = client.post(reverse("upload"), {"files": file_of(picture(70), given)}, headers=JSON).json()["outcomes"][0]
    image = Image.objects.get(pk=outcome["id"])
    assert image.source.endswith(ending)
    assert "<script>alert" not in client.get(image.get_absolute_url()).content.decode()
    assert "<script>alert" not in results.content.decode()
    assert client.get(f"{image.original_url}?download").status_code == 200


@pytest.mark.parametrize("field", ["collection", "tag", "example"])
@pytest.mark.parametrize("value", ["\0", "x\0", "9" * 60, "<b>", "-1"])
def test_a_bad_form_field_never_breaks_the_search(client, catalogue, picture, field, value):
    answer = client.post(reverse("search_submit"), {"photo": file_of(picture(1)), field: value})
    assert answer.status_code in (302, 400)


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\xff" * 99])
def test_a_garbled_form_never_breaks_the_search(client, catalogue, body):
    answer = client.post(reverse("search_submit"), body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["multipart/form-data", "text/plain", "application/json", "", "\xff"])
def test_a_body_of_another_kind_never_breaks_the_search(client, catalogue, kind):
    assert client.post(reverse("search_submit"), b"{}", content_type=kind).status_code == 400
