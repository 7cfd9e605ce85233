"""Images read, added and deleted through the API."""

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection

from catalog.models import Collection, Image, Tag
from tests.pages.bad_pictures import REFUSED
from tests.pages.conftest import file_of

from .conftest import basic

pytestmark = pytest.mark.django_db


def test_images_are_listed_the_newest_first(client, catalogue):
    listed = client.get("/api/images", {"top": 2, "start": 1}).json()
    assert listed["total"] == 6
    assert [image["id"] for image in listed["images"]] == [catalogue[4].pk, catalogue[3].pk]


def test_a_list_is_narrowed_by_words_collection_and_status(client, catalogue):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[0].pk).update(collection=bags, title="Blue kettle")
    for chosen in ({"q": "kettle"}, {"collection": "Bags"}, {"q": "bag", "status": "indexed"}):
        assert [one["id"] for one in client.get("/api/images", chosen).json()["images"]] == [catalogue[0].pk], chosen
    assert client.get("/api/images", {"status": "failed"}).json() == {"total": 0, "images": []}


@pytest.mark.parametrize(
    ("chosen", "status"),
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
def test_a_bad_choice_is_refused_with_what_is_wrong(client, catalogue, chosen, status):
    answer = client.get("/api/images", chosen)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_odd_words_find_nothing_and_break_nothing(client, catalogue):
    for words in ("\0", "w " * 100, "%", "🦊"):
        assert client.get("/api/images", {"q": words}).status_code == 200, words


def test_one_image_is_told_whole(client, catalogue):
    catalogue[0].tags.add(Tag.objects.create(name="red"))
    told = client.get(f"/api/images/{catalogue[0].pk}").json()
    assert (told["source"], told["tags"], told["status"]) == ("picture-0.jpg", ["red"], "indexed")
    for name in ("url", "thumbnail_url", "original_url"):
        assert client.get(told[name]).status_code == 200


@pytest.mark.parametrize("pk", [0, 987_654, 10**30])
def test_an_image_that_is_not_there_is_not_found(client, catalogue, keeper, pk):
    for answer in (
        client.get(f"/api/images/{pk}"),
        client.get(f"/api/images/{pk}/similar"),
        client.delete(f"/api/images/{pk}", headers=basic("karl")),
    ):
        assert answer.status_code == 404
        assert answer.json()["detail"]


@pytest.mark.parametrize("pk", ["x", "1.5", "%00", "null"])
def test_what_cannot_be_an_image_is_told_in_json(client, catalogue, pk):
    for answer in (client.get(f"/api/images/{pk}"), client.get(f"/api/images/{pk}/similar")):
        assert answer.status_code == 422
        assert "pk: " in answer.json()["detail"]


def test_many_files_each_get_their_own_outcome(client, catalogue, uploader, picture):
    files = [file_of(picture(30), "new.jpg"), file_of(picture(0), "known.jpg")]
    files += [file_of(data, name) for name, data, _ in REFUSED.values()]
    answer = client.post(
        "/api/images", {"files": files, "collection": "Bags", "tags": ["red", " new "]}, headers=basic("ursula")
    )
    outcomes = answer.json()
    assert [one["outcome"] for one in outcomes] == ["added", "duplicate"] + ["refused"] * len(REFUSED)
    assert outcomes[0]["image"]["collection"] == "Bags"
    assert sorted(outcomes[0]["image"]["tags"]) == ["new", "red"]
    assert outcomes[1]["image"]["id"] == catalogue[0].pk
    for outcome, (_, _, words) in zip(outcomes[2:], REFUSED.values(), strict=True):
        assert words in outcome["reason"]
        assert outcome["image"] is None


def test_names_with_nul_are_made_harmless(client, uploader, picture):
    form = {"files": file_of(picture(1)), "collection": "Ba\0gs", "tags": ["r\0ed", "\0"]}
    assert client.post("/api/images", form, headers=basic("ursula")).status_code == 200
    assert [one.name for one in Collection.objects.all()] == ["Bags"]
    assert [one.name for one in Tag.objects.all()] == ["red"]


@pytest.mark.parametrize("form", [{"collection": "c" * 121}, {"tags": ["t" * 61]}])
def test_names_that_are_too_long_are_refused_and_nothing_is_added(client, uploader, picture, form):
    answer = client.post("/api/images", {"files": file_of(picture(1)), **form}, headers=basic("ursula"))
    assert answer.status_code == 422
    assert "at most" in answer.json()["detail"]
    assert not Image.objects.exists()


def test_a_call_without_files_is_refused(client, uploader):
    answer = client.post("/api/images", {}, headers=basic("ursula"))
    assert answer.status_code == 422
    assert "files" in str(answer.json()["detail"])


def test_more_files_than_one_call_may_hold_are_refused_with_what_to_do(client, uploader, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [file_of(b"x", f"{number}.jpg") for number in range(3)]
    answer = client.post("/api/images", {"files": files}, headers=basic("ursula"))
    assert answer.status_code == 413
    assert "fewer files at a time" in answer.json()["detail"]


def test_a_deleted_image_is_gone_from_lists_searches_and_the_disk(
    client, catalogue, keeper, django_capture_on_commit_callbacks
):
    gone = catalogue[0]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"/api/images/{gone.pk}", headers=basic("karl")).status_code == 204
    assert client.get("/api/images").json()["total"] == 5
    hits = client.get(f"/api/images/{catalogue[1].pk}/similar").json()["hits"]
    assert gone.pk not in [hit["image"]["id"] for hit in hits]
    assert not default_storage.exists(str(gone.original))


def test_a_database_that_does_not_answer_is_told_in_json(client, catalogue):
    def locked(execute, sql, params, many, context):
        raise OperationalError("database is locked")

    with connection.execute_wrapper(locked):
        answer = client.get("/api/images")
    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]
