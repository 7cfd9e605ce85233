"""Bad input gets a clear message on the search page and on the upload page."""

from html import unescape

import pytest
from django.urls import reverse

from catalog.models import Image
from tests.imaging.bad_pictures import REJECTED_FILES, UNSAFE_NAMES
from tests.imaging.sample_pictures import endless_gif
from tests.services.search.query_photos.stored import stored_paths
from tests.views.conftest import JSON_HEADERS, uploaded_file

pytestmark = pytest.mark.django_db

parametrize_rejected_file = pytest.mark.parametrize(
    ("name", "data", "words"), REJECTED_FILES.values(), ids=REJECTED_FILES
)
parametrize_unsafe_name = pytest.mark.parametrize(("given", "ending"), UNSAFE_NAMES.values(), ids=UNSAFE_NAMES)


@parametrize_rejected_file
def test_search_reports_rejected_file(client, catalogue, name, data, words):
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(data, name)})
    assert response.status_code == 422
    assert words in unescape(response.content.decode())
    assert not stored_paths()


@parametrize_rejected_file
def test_upload_reports_rejected_file(client, uploader, name, data, words):
    client.force_login(uploader)
    result = client.post(reverse("upload"), {"files": uploaded_file(data, name)}, headers=JSON_HEADERS).json()[
        "results"
    ][0]
    assert result["outcome"] == "rejected"
    assert words in result["reason"]
    assert not Image.objects.exists()


def test_oversized_photo_is_rejected(client, catalogue, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(picture(1))})
    assert response.status_code == 413
    assert "Larger than the 1,000 B limit" in response.content.decode()


def test_animation_is_searched_by_first_frame(client, catalogue):
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(endless_gif(10_000), "film.gif")})
    assert response.status_code == 302


@parametrize_unsafe_name
def test_unsafe_name_is_sanitised(client, uploader, catalogue, picture, given, ending):
    client.force_login(uploader)
    results = client.post(reverse("search_submit"), {"photo": uploaded_file(picture(1), given)}, follow=True)
    assert results.status_code == 200
    assert results.context["source"].label.endswith(ending)
    result = client.post(reverse("upload"), {"files": uploaded_file(picture(70), given)}, headers=JSON_HEADERS).json()[
        "results"
    ][0]
    image = Image.objects.get(pk=result["id"])
    assert image.source.endswith(ending)
    assert "<script>alert" not in client.get(image.get_absolute_url()).content.decode()
    assert "<script>alert" not in results.content.decode()
    assert client.get(f"{image.original_url}?download").status_code == 200


@pytest.mark.parametrize("field", ["collection", "tag", "example"])
@pytest.mark.parametrize("value", ["\0", "x\0", "9" * 60, "<b>", "-1"])
def test_invalid_form_field_is_handled(client, catalogue, picture, field, value):
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(picture(1)), field: value})
    assert response.status_code in (302, 400)


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\xff" * 99])
def test_garbled_form_is_a_bad_request(client, catalogue, body):
    response = client.post(reverse("search_submit"), body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 400


@pytest.mark.parametrize("kind", ["multipart/form-data", "text/plain", "application/json", "", "\xff"])
def test_unexpected_content_type_is_a_bad_request(client, catalogue, kind):
    assert client.post(reverse("search_submit"), b"{}", content_type=kind).status_code == 400
