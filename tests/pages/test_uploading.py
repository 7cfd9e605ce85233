"""Uploading: an outcome for every file."""

import pytest
from django.urls import reverse

from catalog.models import Collection, Image, Tag
from catalog.services import indexing

from .bad_pictures import REFUSED
from .conftest import JSON, file_of

pytestmark = pytest.mark.django_db

UPLOAD = "/upload/"


@pytest.fixture
def client(client, uploader):
    client.force_login(uploader)
    return client


def test_a_picture_is_added_and_waits(client, picture, uploader):
    answer = client.post(UPLOAD, {"files": file_of(picture(1), "bag.jpg")}, headers=JSON)
    image = Image.objects.get()
    assert answer.json()["outcomes"] == [
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


def test_many_files_in_one_form_each_get_their_own_outcome(client, catalogue, picture):
    files = [
        file_of(picture(20), "new.jpg"),
        file_of(picture(0), "known.jpg"),
        file_of(picture(20), "twice.jpg"),
        *(file_of(data, name) for name, data, _ in REFUSED.values()),
    ]
    answer = client.post(UPLOAD, {"files": files})
    outcomes = answer.context["outcomes"]
    assert answer.status_code == 200
    assert [one["outcome"] for one in outcomes] == ["added", "duplicate", "duplicate"] + ["refused"] * len(REFUSED)
    assert outcomes[1]["url"] == catalogue[0].get_absolute_url()
    for outcome, (_, _, words) in zip(outcomes[3:], REFUSED.values(), strict=True):
        assert words in outcome["reason"]
    assert Image.objects.count() == len(catalogue) + 1


def test_outcomes_can_be_watched_without_scripts(client, picture):
    page = client.post(UPLOAD, {"files": file_of(picture(1))})
    again = client.get(page.context["refresh_url"])
    assert [one["status"] for one in again.context["outcomes"]] == ["pending"]
    indexing.index_pending()
    again = client.get(page.context["refresh_url"])
    assert [one["status"] for one in again.context["outcomes"]] == ["indexed"]


def test_a_page_of_nothing_but_refusals_has_nothing_to_watch(client):
    page = client.post(UPLOAD, {"files": file_of(b"", "empty.jpg")})
    assert page.context["outcomes"][0]["outcome"] == "refused"
    assert "Refresh" not in page.content.decode()


def test_collection_and_tags_are_made_and_given(client, picture):
    client.post(UPLOAD, {"files": file_of(picture(1)), "collection": " Bags ", "tags": "red, new,,red "})
    image = Image.objects.get()
    assert image.collection.name == "Bags"
    assert sorted(tag.name for tag in image.tags.all()) == ["new", "red"]


def test_a_picture_that_is_there_already_keeps_its_collection(client, catalogue, picture):
    client.post(UPLOAD, {"files": file_of(picture(0)), "collection": "Other"})
    catalogue[0].refresh_from_db()
    assert catalogue[0].collection is None


@pytest.mark.parametrize(
    "chosen",
    [{"collection": "c" * 121}, {"tags": "t" * 61}, {"tags": "t," * 300}, {"collection": "a\0b"}, {"tags": "\0"}],
)
def test_a_bad_collection_or_tag_is_said_beside_its_field_and_nothing_is_added(client, picture, chosen):
    answer = client.post(UPLOAD, {"files": file_of(picture(1)), **chosen})
    assert answer.status_code == 400
    assert 'class="errorlist"' in answer.content.decode()
    as_json = client.post(UPLOAD, {"files": file_of(picture(1)), **chosen}, headers=JSON)
    assert as_json.status_code == 400
    assert as_json.json()["error"]
    assert not (Image.objects.exists() or Collection.objects.exists() or Tag.objects.exists())


def test_a_form_without_files_says_that_some_are_needed(client):
    answer = client.post(UPLOAD, {"collection": "Bags"})
    assert answer.status_code == 400
    assert "required" in answer.content.decode()


def test_more_files_than_one_form_may_hold_are_refused_with_what_to_do(client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    answer = client.post(UPLOAD, {"files": [file_of(b"x", f"{number}.jpg") for number in range(3)]})
    assert answer.status_code == 413
    assert "fewer files at a time" in answer.content.decode()


def test_a_file_over_the_limit_is_refused_and_not_read_whole(client, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    outcome = client.post(UPLOAD, {"files": file_of(picture(1))}, headers=JSON).json()["outcomes"][0]
    assert outcome["outcome"] == "refused"
    assert "1,001 bytes; 1,000 are taken at most" in outcome["reason"] or "1,000 are taken" in outcome["reason"]


def test_ids_that_are_none_are_passed_over(client, catalogue):
    answer = client.get(reverse("upload_outcomes"), {"ids": f"{catalogue[0].pk},x,\0,,{'9' * 99}"})
    assert len(answer.context["outcomes"]) == 1
