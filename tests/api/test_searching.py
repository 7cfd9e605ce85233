"""Searching through the API."""

import pytest

from catalog.models import Collection, Image, QueryPhoto, Tag
from catalog.services import rebuilding
from tests import described
from tests.pages.bad_pictures import REFUSED
from tests.pages.conftest import file_of

pytestmark = pytest.mark.django_db


def search(client, data: bytes, **options: object):
    return client.post("/api/search", {"photo": file_of(data), **options})


def test_a_photo_finds_itself_first_and_is_not_kept(client, catalogue, picture):
    found = search(client, picture(2), top=3).json()
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["image"]["id"] == catalogue[2].pk
    assert found["hits"][0]["score"] >= 0.999
    assert found["total"] == len(catalogue)
    assert found["feature_space"].startswith("vgg16-compact")
    assert not QueryPhoto.objects.exists()


def test_format_size_day_and_words_narrow_too(client, catalogue, picture):
    Image.objects.filter(pk=catalogue[0].pk).update(format="WEBP", width=900, height=800, title="Red bag")
    for narrowing in ({"format": "webp"}, {"least_side": 800}, {"q": "bag"}):
        found = search(client, picture(5), **narrowing).json()
        assert [hit["image"]["id"] for hit in found["hits"]] == [catalogue[0].pk], narrowing
        assert client.get("/api/images", narrowing).json()["total"] == 1
        assert client.get(f"/api/images/{catalogue[1].pk}/similar", narrowing).json()["total"] == 1
    assert search(client, picture(5), added_to="2020-01-01").json()["total"] == 0


def test_what_is_marked_ranks_otherwise_and_gives_no_words(client, kinds):
    address = f"/api/images/{kinds[0].pk}/similar"
    plain, marked = (client.get(address, {"more": more}).json()["hits"] for more in ([], [kinds[-1].pk]))
    assert [hit["image"]["id"] for hit in plain] != [hit["image"]["id"] for hit in marked]
    assert {hit["likeness"] for hit in marked} == {None}


def test_marks_of_images_that_are_not_there_are_refused(client, catalogue, picture):
    assert search(client, picture(5), more=[987654]).json()["detail"] == "There is no image 987654."
    assert search(client, picture(5), less=[-(2**70)]).status_code in (404, 422)
    assert search(client, picture(5), more=list(range(1, 60))).status_code == 422


def test_a_later_stretch_goes_on_where_the_first_ended(client, catalogue, picture):
    whole = search(client, picture(2)).json()["hits"]
    assert search(client, picture(2), start=4).json()["hits"] == whole[4:]
    assert search(client, picture(2), start=2**31 - 1).json()["hits"] == []


def test_collection_and_tags_narrow_by_name(client, catalogue, picture):
    bags, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[1].pk]).update(collection=bags)
    catalogue[1].tags.add(red)
    assert search(client, picture(5), collection="Bags").json()["total"] == 2
    assert search(client, picture(5), collection="Bags", tags=["red"]).json()["total"] == 1


def test_a_part_of_the_photo_is_searched_with(client, catalogue, picture):
    whole, part = search(client, picture(0)), search(client, picture(0), crop="0,0,80,60")
    assert part.status_code == 200
    assert part.json()["hits"] != whole.json()["hits"]


@pytest.mark.parametrize(("name", "data", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_pictures_are_refused_with_a_sentence(client, catalogue, name, data, words):
    answer = client.post("/api/search", {"photo": file_of(data, name)})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_photo_of_too_many_bytes_is_too_large(client, catalogue, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    answer = search(client, picture(1))
    assert answer.status_code == 413
    assert "1,000 are taken at most" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"top": 0}, 422),
        ({"top": 201}, 422),
        ({"top": "many"}, 422),
        ({"start": -1}, 422),
        ({"start": 2**31}, 422),
        ({"crop": "1,2,3"}, 422),
        ({"crop": "a,b,c,d"}, 422),
        ({"crop": "0,0,0,0"}, 422),
        ({"crop": "900,900,10,10"}, 422),
        ({"crop": "\0"}, 422),
        ({"collection": "Nothing"}, 404),
        ({"collection": "\0"}, 404),
        ({"format": "JPEGG"}, 422),
        ({"added_from": "yesterday"}, 422),
        ({"least_side": -1}, 422),
        ({"tags": ["nothing"]}, 404),
        ({"tags": ["\0"]}, 404),
    ],
)
def test_bad_options_are_refused_with_what_is_wrong(client, catalogue, picture, options, status):
    answer = search(client, picture(0), **options)
    assert answer.status_code == status, answer.json()
    assert answer.json()["detail"]


def test_a_call_without_a_photo_is_refused(client, catalogue):
    answer = client.post("/api/search", {})
    assert answer.status_code == 422
    assert "photo" in str(answer.json()["detail"])


def test_an_empty_catalogue_says_what_to_do(client, picture):
    answer = search(client, picture(0))
    assert answer.status_code == 409
    assert "Add pictures first" in answer.json()["detail"]


def test_likes_of_an_image_are_without_itself(client, catalogue):
    found = client.get(f"/api/images/{catalogue[0].pk}/similar", {"top": 3}).json()
    assert found["total"] == 5
    assert catalogue[0].pk not in [hit["image"]["id"] for hit in found["hits"]]


def test_likes_of_a_waiting_image_come_later(client, catalogue):
    catalogue[0].descriptors.all().delete()
    answer = client.get(f"/api/images/{catalogue[0].pk}/similar")
    assert answer.status_code == 409
    assert "not searchable yet" in answer.json()["detail"]


def test_health_counts_and_tells_of_the_compact_network(client, catalogue):
    answer = client.get("/api/health").json()
    assert (answer["indexed"], answer["pending"], answer["failed"]) == (6, 0, 0)
    assert answer["feature_space"].startswith("vgg16-compact")
    assert "fetch_weights" in answer["notice"]


@pytest.fixture
def kinds():
    """A hundred and twenty images of twelve kinds, which a generation has learned from."""
    images = described.add(described.kinds(12, 10, spread=0.1))
    rebuilding.rebuild()
    return images


def test_scores_come_with_a_word_where_the_catalogue_is_large_enough(client, kinds):
    found = client.get(f"/api/images/{kinds[0].pk}/similar", {"top": 119}).json()
    assert {hit["likeness"] for hit in found["hits"]} <= {"same picture", "very alike", "alike", "weak"}
    assert found["hits"][-1]["likeness"] == "weak"
    assert found["nothing_alike"] is False


def test_a_small_catalogue_gives_no_words(client, catalogue, picture):
    found = search(client, picture(2)).json()
    assert {hit["likeness"] for hit in found["hits"]} == {None}
    assert found["nothing_alike"] is False


def test_a_photo_like_nothing_is_told_so(client, kinds, picture):
    found = search(client, picture(2)).json()
    assert found["nothing_alike"] is True
    assert found["hits"][0]["likeness"] == "weak"


def test_an_expanded_search_ranks_otherwise_and_gives_no_words(client, kinds):
    address = f"/api/images/{kinds[0].pk}/similar"
    plain, expanded = (client.get(address, {"expand": count}).json()["hits"] for count in (0, 5))
    assert [hit["image"]["id"] for hit in plain] != [hit["image"]["id"] for hit in expanded]
    assert {hit["likeness"] for hit in expanded} == {None}


@pytest.mark.parametrize("count", [-1, 51])
def test_an_expansion_that_cannot_be_is_refused(client, catalogue, picture, count):
    for answer in (
        search(client, picture(2), expand=count),
        client.get(f"/api/images/{catalogue[0].pk}/similar", {"expand": count}),
    ):
        assert answer.status_code == 422
        assert answer.json()["detail"] == f"expand is {count}; it takes 0 to 50."


def test_a_photo_can_be_expanded(client, catalogue, picture):
    assert search(client, picture(2), expand=3).json()["total"] == len(catalogue)
