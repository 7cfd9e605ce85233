"""Operations that list, get, add and delete images."""

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection

from catalog.models import Collection, Image, Tag
from tests.api.conftest import token_headers
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


def test_images_are_listed_newest_first(client, catalogue):
    listed = client.get("/api/images", {"top": 2, "start": 1}).json()
    assert listed["total"] == 6
    assert [image["id"] for image in listed["images"]] == [catalogue[4].pk, catalogue[3].pk]


def test_list_filters_by_words_collection_and_status(client, catalogue):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[0].pk).update(collection=collection, title="Blue kettle")
    for params in ({"q": "kettle"}, {"collection": "Bags"}, {"q": "bag", "status": "indexed"}):
        assert [image["id"] for image in client.get("/api/images", params).json()["images"]] == [catalogue[0].pk], (
            params
        )
    assert client.get("/api/images", {"status": "failed"}).json() == {"total": 0, "images": []}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"status": "lost"}, 422),
        ({"q": "w" * 201}, 422),
        ({"top": 0}, 422),
        ({"top": 10**30}, 422),
        ({"start": -1}, 422),
        ({"start": "x"}, 422),
        ({"collection": "Nothing"}, 404),
        ({"collection": "a\0"}, 404),
    ],
)
def test_invalid_parameter_is_rejected_with_message(client, catalogue, params, status):
    response = client.get("/api/images", params)
    assert response.status_code == status
    assert response.json()["detail"]


def test_unusual_words_find_nothing(client, catalogue):
    for words in ("\0", "w " * 100, "%", "🦊"):
        assert client.get("/api/images", {"q": words}).status_code == 200, words


def test_image_detail_returns_all_fields(client, catalogue):
    catalogue[0].tags.add(Tag.objects.create(name="red"))
    body = client.get(f"/api/images/{catalogue[0].pk}").json()
    assert (body["source"], body["tags"], body["status"]) == ("picture-0.jpg", ["red"], "indexed")
    for name in ("url", "thumbnail_url", "original_url"):
        assert client.get(body[name]).status_code == 200


@pytest.mark.parametrize("pk", [0, 987_654, 10**30])
def test_missing_image_is_not_found(client, catalogue, superuser, pk):
    for response in (
        client.get(f"/api/images/{pk}"),
        client.get(f"/api/images/{pk}/similar"),
        client.delete(f"/api/images/{pk}", headers=token_headers("karl")),
    ):
        assert response.status_code == 404
        assert response.json()["detail"]


@pytest.mark.parametrize("pk", ["x", "1.5", "%00", "null"])
def test_invalid_image_id_returns_json_error(client, catalogue, pk):
    for response in (client.get(f"/api/images/{pk}"), client.get(f"/api/images/{pk}/similar")):
        assert response.status_code == 422
        assert "pk: " in response.json()["detail"]


def test_each_file_has_a_result(client, catalogue, uploader, picture):
    files = [uploaded_file(picture(30), "new.jpg"), uploaded_file(picture(0), "known.jpg")]
    files += [uploaded_file(data, name) for name, data, _ in REJECTED_FILES.values()]
    response = client.post(
        "/api/images",
        {"files": files, "collection": "Bags", "tags": ["red", " new "]},
        headers=token_headers("ursula"),
    )
    results = response.json()
    assert [result["outcome"] for result in results] == ["added", "duplicate"] + ["rejected"] * len(REJECTED_FILES)
    assert results[0]["image"]["collection"] == "Bags"
    assert sorted(results[0]["image"]["tags"]) == ["new", "red"]
    assert results[1]["image"]["id"] == catalogue[0].pk
    for result, (_, _, words) in zip(results[2:], REJECTED_FILES.values(), strict=True):
        assert words in result["reason"]
        assert result["image"] is None


def test_nul_is_removed_from_names(client, uploader, picture):
    form = {"files": uploaded_file(picture(1)), "collection": "Ba\0gs", "tags": ["r\0ed", "\0"]}
    assert client.post("/api/images", form, headers=token_headers("ursula")).status_code == 200
    assert [one.name for one in Collection.objects.all()] == ["Bags"]
    assert [one.name for one in Tag.objects.all()] == ["red"]


@pytest.mark.parametrize("form", [{"collection": "c" * 121}, {"tags": ["t" * 61]}])
def test_long_names_are_rejected_and_nothing_is_added(client, uploader, picture, form):
    response = client.post("/api/images", {"files": uploaded_file(picture(1)), **form}, headers=token_headers("ursula"))
    assert response.status_code == 422
    assert "at most" in response.json()["detail"]
    assert not Image.objects.exists()


def test_request_without_files_is_rejected(client, uploader):
    response = client.post("/api/images", {}, headers=token_headers("ursula"))
    assert response.status_code == 422
    assert "files" in str(response.json()["detail"])


def test_too_many_files_are_rejected(client, uploader, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [uploaded_file(b"x", f"{number}.jpg") for number in range(3)]
    response = client.post("/api/images", {"files": files}, headers=token_headers("ursula"))
    assert response.status_code == 413
    assert "fewer files at a time" in response.json()["detail"]


def test_deleted_image_is_removed_everywhere(client, catalogue, superuser, django_capture_on_commit_callbacks):
    deleted = catalogue[0]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"/api/images/{deleted.pk}", headers=token_headers("karl")).status_code == 204
    assert client.get("/api/images").json()["total"] == 5
    hits = client.get(f"/api/images/{catalogue[1].pk}/similar").json()["hits"]
    assert deleted.pk not in [hit["image"]["id"] for hit in hits]
    assert not default_storage.exists(str(deleted.original))


def test_database_error_is_returned_as_json(client, catalogue):
    def locked(execute, sql, params, many, context):
        raise OperationalError("database is locked")

    with connection.execute_wrapper(locked):
        response = client.get("/api/images")
    assert response.status_code == 503
    assert "Try again" in response.json()["detail"]
