"""Uploads: a result for each file."""

import pytest
from django.urls import reverse

from catalog.models import Collection, Image, Tag
from catalog.services.index import extraction
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.views.conftest import JSON_HEADERS, uploaded_file

pytestmark = pytest.mark.django_db

UPLOAD_URL = "/upload/"


@pytest.fixture
def client(client, uploader):
    client.force_login(uploader)
    return client


def test_uploaded_picture_is_pending(client, picture, uploader):
    response = client.post(UPLOAD_URL, {"files": uploaded_file(picture(1), "bag.jpg")}, headers=JSON_HEADERS)
    image = Image.objects.get()
    assert response.json()["results"] == [
        {
            "name": "bag.jpg",
            "outcome": "added",
            "reason": "",
            "id": image.pk,
            "url": image.get_absolute_url(),
            "status": "pending",
            "thumbnail_url": image.thumbnail_url,
        }
    ]
    assert image.uploaded_by == uploader


def test_each_file_has_a_result(client, catalogue, picture):
    files = [
        uploaded_file(picture(20), "new.jpg"),
        uploaded_file(picture(0), "known.jpg"),
        uploaded_file(picture(20), "twice.jpg"),
        *(uploaded_file(data, name) for name, data, _ in REJECTED_FILES.values()),
    ]
    response = client.post(UPLOAD_URL, {"files": files})
    results = response.context["results"]
    assert response.status_code == 200
    assert [result["outcome"] for result in results] == ["added", "duplicate", "duplicate"] + ["rejected"] * len(
        REJECTED_FILES
    )
    assert results[1]["url"] == catalogue[0].get_absolute_url()
    for result, (_, _, words) in zip(results[3:], REJECTED_FILES.values(), strict=True):
        assert words in result["reason"]
    assert Image.objects.count() == len(catalogue) + 1


def test_results_can_be_refreshed_without_scripts(client, picture):
    page = client.post(UPLOAD_URL, {"files": uploaded_file(picture(1))})
    again = client.get(page.context["refresh_url"])
    assert [result["status"] for result in again.context["results"]] == ["pending"]
    extraction.index_pending()
    again = client.get(page.context["refresh_url"])
    assert [result["status"] for result in again.context["results"]] == ["indexed"]


def test_rejected_files_cannot_be_refreshed(client):
    page = client.post(UPLOAD_URL, {"files": uploaded_file(b"", "empty.jpg")})
    assert page.context["results"][0]["outcome"] == "rejected"
    assert "Refresh" not in page.content.decode()


def test_collection_and_tags_are_created_and_assigned(client, picture):
    client.post(UPLOAD_URL, {"files": uploaded_file(picture(1)), "collection": " Bags ", "tags": "red, new,,red "})
    image = Image.objects.get()
    assert image.collection.name == "Bags"
    assert sorted(tag.name for tag in image.tags.all()) == ["new", "red"]


def test_duplicate_keeps_its_collection(client, catalogue, picture):
    client.post(UPLOAD_URL, {"files": uploaded_file(picture(0)), "collection": "Other"})
    catalogue[0].refresh_from_db()
    assert catalogue[0].collection is None


@pytest.mark.parametrize(
    "fields",
    [{"collection": "c" * 121}, {"tags": "t" * 61}, {"tags": "t," * 300}, {"collection": "a\0b"}, {"tags": "\0"}],
)
def test_invalid_collection_or_tag_is_reported_and_nothing_is_added(client, picture, fields):
    response = client.post(UPLOAD_URL, {"files": uploaded_file(picture(1)), **fields})
    assert response.status_code == 400
    assert 'class="errorlist"' in response.content.decode()
    as_json = client.post(UPLOAD_URL, {"files": uploaded_file(picture(1)), **fields}, headers=JSON_HEADERS)
    assert as_json.status_code == 400
    assert as_json.json()["error"]
    assert not (Image.objects.exists() or Collection.objects.exists() or Tag.objects.exists())


def test_form_without_files_is_reported(client):
    response = client.post(UPLOAD_URL, {"collection": "Bags"})
    assert response.status_code == 400
    assert "required" in response.content.decode()


def test_too_many_files_are_rejected(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    response = client.post(UPLOAD_URL, {"files": [uploaded_file(b"x", f"{number}.jpg") for number in range(3)]})
    assert response.status_code == 413
    assert "fewer files at a time" in response.content.decode()


def test_oversized_file_is_rejected(client, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    result = client.post(UPLOAD_URL, {"files": uploaded_file(picture(1))}, headers=JSON_HEADERS).json()["results"][0]
    assert result["outcome"] == "rejected"
    assert "Larger than the 1,000 B limit." in result["reason"]


def test_invalid_ids_are_ignored(client, catalogue):
    response = client.get(reverse("upload_results"), {"ids": f"{catalogue[0].pk},x,\0,,{'9' * 99}"})
    assert len(response.context["results"]) == 1
