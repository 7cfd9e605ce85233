"""Search by photo: the form and the results URL."""

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Collection, Image, Tag
from catalog.services.search import query_photos
from tests.services.search.query_photos.stored import expire, stored_paths
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


def ranked_ids(response) -> list[int]:
    return [hit.image.pk for hit in response.context["page"]]


def test_search_page_has_photo_input(client, catalogue):
    page = client.get("/").content.decode()
    assert 'type="file"' in page
    assert "Recently added" in page


def test_empty_catalogue_shows_how_to_add_images(client):
    page = client.get("/").content.decode()
    assert "No images to search yet" in page
    assert "import_images" in page


def test_photo_of_catalogue_finds_itself_first(client, submit_search, catalogue):
    response = client.get(submit_search(2))
    assert ranked_ids(response)[0] == catalogue[2].pk
    assert "1.000" in response.content.decode()


def test_results_url_can_be_reloaded_and_shared(client, submit_search):
    url = submit_search(3)
    assert ranked_ids(client.get(url)) == ranked_ids(client.get(url)) == ranked_ids(Client().get(url))


def test_search_adds_nothing_to_catalogue(submit_search, catalogue):
    token = submit_search(99).split("/")[2]
    assert Image.objects.count() == len(catalogue)
    assert query_photos.get_photo(token).label == "photo.jpg"


def test_photo_is_shown_with_results(client, submit_search):
    url = submit_search(1)
    photo = client.get(f"{url}photo")
    assert photo["Content-Type"] == "image/webp"
    assert photo.content[8:12] == b"WEBP"
    assert "private" in photo["Cache-Control"]
    assert f'src="{url}photo"' in client.get(url).content.decode()


def test_expired_search_is_reported(client, submit_search):
    url = submit_search(0)
    expire()
    for expired_url in (url, f"{url}photo"):
        response = client.get(expired_url)
        assert response.status_code == 410
        assert "Upload it again" in response.content.decode()


def test_a_damaged_photo_is_reported_as_expired(client, submit_search):
    url = submit_search(0)
    (path,) = stored_paths()
    path.write_bytes(path.read_bytes()[:-1])
    for damaged_url in (url, f"{url}photo"):
        assert client.get(damaged_url).status_code == 410


def test_a_photo_that_cannot_be_stored_is_reported(client, catalogue, picture, data_dir):
    (data_dir / "var" / "queries").write_bytes(b"in the way")
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(picture())})
    assert response.status_code == 507
    page = response.content.decode()
    assert "Query photos cannot be stored in queries" in page
    assert str(data_dir) not in page


def test_unknown_token_returns_gone(client, catalogue):
    assert client.get(reverse("results", args=["never-given"])).status_code == 410


@pytest.mark.parametrize("url", ["/search/%00/", "/search/%00/photo", "/search/a%20b/", "/search/%F0%9F%A6%8A/"])
def test_invalid_token_is_not_found(client, catalogue, url):
    assert client.get(url).status_code == 404


def test_search_form_filters_results(client, submit_search, catalogue):
    collection, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[1].pk]).update(collection=collection)
    catalogue[1].tags.add(red)
    assert set(ranked_ids(client.get(submit_search(5, collection=collection.pk)))) == {catalogue[0].pk, catalogue[1].pk}
    assert ranked_ids(client.get(submit_search(5, collection=collection.pk, tag=red.pk))) == [catalogue[1].pk]


def test_missing_photo_is_reported_at_field(client, catalogue):
    response = client.post(reverse("search_submit"), {})
    assert response.status_code == 400
    assert "Choose a photo to search with." in response.content.decode()


def test_search_without_indexed_images_is_reported(client, picture):
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(picture())})
    assert response.status_code == 409
    assert "Add images and wait" in response.content.decode()
    assert not stored_paths()


@pytest.mark.parametrize("example", ["nothing", "../../site", "a\0b"])
def test_unknown_example_is_not_found(client, catalogue, example):
    assert client.post(reverse("search_submit"), {"example": example}).status_code in (400, 404)


def test_demo_example_is_searched(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(source="demo/bags-01.jpg", width=640, height=480)
    assert 'value="bags"' in client.get("/").content.decode()
    response = client.post(reverse("search_submit"), {"example": "bags"}, follow=True)
    assert len(response.context["page"]) == len(catalogue)


def test_no_examples_without_demo(client, catalogue):
    assert 'name="example"' not in client.get("/").content.decode()


def test_similar_page_ranks_other_images(client, catalogue):
    response = client.get(catalogue[0].similar_url)
    assert sorted(ranked_ids(response)) == [image.pk for image in catalogue[1:]]
    assert "Similar images" in response.content.decode()


def test_similar_page_of_pending_image_is_reported(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="pending")
    catalogue[0].descriptors.all().delete()
    response = client.get(catalogue[0].similar_url)
    assert response.status_code == 409
    assert "Try again in a moment" in response.content.decode()


def test_similar_page_of_missing_image_is_not_found(client, catalogue):
    for pk in (0, 987_654, 10**30):
        assert client.get(f"/images/{pk}/similar/").status_code == 404
