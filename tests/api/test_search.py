"""Operations that search, and the health of the catalogue."""

import pytest

from catalog.models import Collection, Image, Tag
from catalog.services.index import rebuilding
from tests import indexed_images
from tests.api.conftest import token_headers
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.removed_network import use_removed_network
from tests.services.search.query_photos.stored import stored_paths
from tests.services.search.regions.cluttered import add_things, cluttered_photo
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


def search(client, data: bytes, **options: object):
    return client.post("/api/search", {"photo": uploaded_file(data), **options})


def test_photo_finds_itself_first_and_is_not_stored(client, catalogue, picture):
    results = search(client, picture(2), top=3).json()
    assert [hit["rank"] for hit in results["hits"]] == [1, 2, 3]
    assert results["hits"][0]["image"]["id"] == catalogue[2].pk
    assert results["hits"][0]["score"] >= 0.999
    assert results["total"] == len(catalogue)
    assert results["feature_space"].startswith("efficientnet-lite2")
    assert not stored_paths()


def test_format_size_date_and_words_filter(client, catalogue, picture):
    Image.objects.filter(pk=catalogue[0].pk).update(format="WEBP", width=900, height=800, title="Red bag")
    for params in ({"format": "webp"}, {"least_side": 800}, {"q": "bag"}):
        results = search(client, picture(5), **params).json()
        assert [hit["image"]["id"] for hit in results["hits"]] == [catalogue[0].pk], params
        assert client.get("/api/images", params).json()["total"] == 1
        assert client.get(f"/api/images/{catalogue[1].pk}/similar", params).json()["total"] == 1
    assert search(client, picture(5), added_to="2020-01-01").json()["total"] == 0


def test_feedback_changes_ranking_and_omits_levels(client, clustered_images):
    url = f"/api/images/{clustered_images[0].pk}/similar"
    plain, changed = (client.get(url, {"more": more}).json()["hits"] for more in ([], [clustered_images[-1].pk]))
    assert [hit["image"]["id"] for hit in plain] != [hit["image"]["id"] for hit in changed]
    assert {hit["likeness"] for hit in changed} == {None}


def test_feedback_for_missing_images_is_rejected(client, catalogue, picture):
    assert search(client, picture(5), more=[987654]).json()["detail"] == "There is no image 987654."
    assert search(client, picture(5), less=[-(2**70)]).status_code in (404, 422)
    assert search(client, picture(5), more=list(range(1, 60))).status_code == 422


def test_second_page_continues_first_page(client, catalogue, picture):
    whole = search(client, picture(2)).json()["hits"]
    assert search(client, picture(2), start=4).json()["hits"] == whole[4:]
    assert search(client, picture(2), start=2**31 - 1).json()["hits"] == []


def test_collection_and_tags_filter_by_name(client, catalogue, picture):
    collection, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[1].pk]).update(collection=collection)
    catalogue[1].tags.add(red)
    assert search(client, picture(5), collection="Bags").json()["total"] == 2
    assert search(client, picture(5), collection="Bags", tags=["red"]).json()["total"] == 1


def test_crop_of_photo_is_searched(client, catalogue, picture):
    whole, part = search(client, picture(0)), search(client, picture(0), crop="0,0,80,60")
    assert part.status_code == 200
    assert part.json()["hits"] != whole.json()["hits"]


@pytest.mark.parametrize(("name", "data", "words"), REJECTED_FILES.values(), ids=REJECTED_FILES)
def test_rejected_picture_gets_message(client, catalogue, name, data, words):
    response = client.post("/api/search", {"photo": uploaded_file(data, name)})
    assert response.status_code == 422
    assert words in response.json()["detail"]


def test_oversized_photo_is_rejected(client, catalogue, settings, picture):
    settings.MAX_UPLOAD_BYTES = 1000
    response = search(client, picture(1))
    assert response.status_code == 413
    assert "Larger than the 1,000 B limit" in response.json()["detail"]


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
def test_invalid_parameters_are_rejected_with_message(client, catalogue, picture, options, status):
    response = search(client, picture(0), **options)
    assert response.status_code == status, response.json()
    assert response.json()["detail"]


def test_request_without_photo_is_rejected(client, catalogue):
    response = client.post("/api/search", {})
    assert response.status_code == 422
    assert "photo" in str(response.json()["detail"])


def test_empty_catalogue_is_reported(client, picture):
    response = search(client, picture(0))
    assert response.status_code == 409
    assert "Add images and wait" in response.json()["detail"]


def test_similar_images_exclude_the_image_itself(client, catalogue):
    found = client.get(f"/api/images/{catalogue[0].pk}/similar", {"top": 3}).json()
    assert found["total"] == 5
    assert catalogue[0].pk not in [hit["image"]["id"] for hit in found["hits"]]


def test_similar_images_of_pending_image_are_not_available(client, catalogue):
    catalogue[0].descriptors.all().delete()
    response = client.get(f"/api/images/{catalogue[0].pk}/similar")
    assert response.status_code == 409
    assert "not searchable yet" in response.json()["detail"]


def test_health_reports_counts_and_a_removed_network(client, catalogue, admin_client):
    use_removed_network()
    data = admin_client.get("/api/health").json()
    assert (data["indexed"], data["pending"], data["failed"]) == (6, 0, 0)
    assert data["feature_space"].startswith("efficientnet-lite2")
    assert "no longer part of the program" in data["notice"]
    assert client.get("/api/health").json() == data | {"notice": None}


def test_health_notice_is_shown_to_staff_with_a_token_for_everything(client, catalogue, django_user_model):
    use_removed_network()
    django_user_model.objects.create_user("staff", is_staff=True)
    django_user_model.objects.create_user("guest")
    for name, scope, is_shown in (("staff", "admin", True), ("staff", "read", False), ("guest", "admin", False)):
        notice = client.get("/api/health", headers=token_headers(name, scope)).json()["notice"]
        assert bool(notice) is is_shown, (name, scope)


@pytest.fixture
def clustered_images():
    """120 images in twelve clusters, indexed with a calibration."""
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10, spread=0.1))
    rebuilding.rebuild()
    return images


def test_large_catalogue_returns_similarity_levels(client, clustered_images):
    found = client.get(f"/api/images/{clustered_images[0].pk}/similar", {"top": 119}).json()
    assert {hit["likeness"] for hit in found["hits"]} <= {"same", "very_similar", "similar", "weak"}
    assert found["hits"][-1]["likeness"] == "weak"
    assert found["nothing_alike"] is False


def test_small_catalogue_returns_no_similarity_levels(client, catalogue, picture):
    results = search(client, picture(2)).json()
    assert {hit["likeness"] for hit in results["hits"]} == {None}
    assert results["nothing_alike"] is False


def test_photo_without_similar_images_is_reported(client, clustered_images, picture):
    results = search(client, picture(2)).json()
    assert results["nothing_alike"] is True
    assert results["hits"][0]["likeness"] == "weak"


def test_expanded_search_changes_ranking_and_omits_levels(client, clustered_images):
    url = f"/api/images/{clustered_images[0].pk}/similar"
    plain, expanded = (client.get(url, {"expand": count}).json()["hits"] for count in (0, 5))
    assert [hit["image"]["id"] for hit in plain] != [hit["image"]["id"] for hit in expanded]
    assert {hit["likeness"] for hit in expanded} == {None}


@pytest.mark.parametrize("count", [-1, 51])
def test_invalid_expansion_is_rejected(client, catalogue, picture, count):
    for response in (
        search(client, picture(2), expand=count),
        client.get(f"/api/images/{catalogue[0].pk}/similar", {"expand": count}),
    ):
        assert response.status_code == 422
        assert response.json()["detail"] == f"expand must be between 0 and 50, not {count}."


def test_search_by_photo_can_be_expanded(client, catalogue, picture):
    assert search(client, picture(2), expand=3).json()["total"] == len(catalogue)


def test_repeated_tags_count_once_and_more_than_ten_are_rejected(
    client, catalogue, picture, django_assert_max_num_queries
):
    tags = [Tag.objects.create(name=f"tag-{number}") for number in range(11)]
    for tag in tags[:10]:
        catalogue[0].tags.add(tag)
    for names in (["tag-0"] * 200, [tag.name for tag in tags[:10]] * 20):
        with django_assert_max_num_queries(40):
            response = client.get("/api/images", {"tags": names})
        assert (response.status_code, response.json()["total"]) == (200, 1)
        assert search(client, picture(0), tags=names).json()["total"] == 1
    for response in (
        client.get("/api/images", {"tags": [tag.name for tag in tags]}),
        search(client, picture(0), tags=[tag.name for tag in tags]),
    ):
        assert response.status_code == 422
        assert response.json()["detail"] == "tags: 11 tags. Use at most 10."


def test_repeated_feedback_counts_once(client, catalogue):
    url = f"/api/images/{catalogue[0].pk}/similar"
    once, often = (client.get(url, {"more": [catalogue[1].pk] * count}).json()["hits"] for count in (1, 200))
    assert [hit["score"] for hit in often] == [hit["score"] for hit in once]


def test_regions_of_a_photo_are_returned_and_the_best_one_is_searched_with(client, db):
    add_things()
    photo = cluttered_photo("Bicycles")
    whole, found = search(client, photo).json(), search(client, photo, regions=True).json()
    assert whole["regions"] is None
    assert 1 <= len(found["regions"]) <= 4
    first = found["regions"][0]
    assert set(first) == {"crop", "share", "score", "meant"}
    assert first["meant"]
    assert found["hits"][0]["image"]["source"].startswith("Bicycles")
    assert found["hits"][0]["score"] > whole["hits"][0]["score"]
    cropped = search(client, photo, crop=first["crop"]).json()
    assert cropped["hits"][0]["image"]["id"] == found["hits"][0]["image"]["id"]
    assert cropped["hits"][0]["score"] == pytest.approx(found["hits"][0]["score"], abs=0.02)


def test_regions_and_crop_cannot_be_combined(client, catalogue, picture):
    response = search(client, picture(2), regions=True, crop="0,0,10,10")
    assert response.status_code == 422
    assert "cannot be combined" in response.json()["detail"]


def test_a_network_without_windows_has_no_regions(client, catalogue, picture, monkeypatch):
    monkeypatch.setattr("catalog.features.windows.EXTRACTOR_CONFIGS", {})
    results = search(client, picture(2), regions=True).json()
    assert results["regions"] is None
    assert results["hits"][0]["image"]["id"] == catalogue[2].pk
