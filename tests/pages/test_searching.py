"""Search by photo: the box, and the address of the results."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import Collection, Image, QueryPhoto, Tag

from .conftest import file_of

pytestmark = pytest.mark.django_db


def ranked(answer) -> list[int]:
    return [hit.image.pk for hit in answer.context["page"]]


def test_the_search_page_offers_a_place_for_a_photo(client, catalogue):
    page = client.get("/").content.decode()
    assert 'type="file"' in page
    assert "Recently added" in page


def test_an_empty_catalogue_says_how_to_fill_it(client):
    page = client.get("/").content.decode()
    assert "Nothing to search yet" in page
    assert "import_images" in page


def test_a_photo_of_the_catalogue_finds_itself_first(client, search, catalogue):
    answer = client.get(search(2))
    assert ranked(answer)[0] == catalogue[2].pk
    assert "1.000" in answer.content.decode()


def test_the_address_of_results_can_be_reloaded_and_shared(client, search):
    address = search(3)
    assert ranked(client.get(address)) == ranked(client.get(address)) == ranked(Client().get(address))


def test_searching_adds_nothing_to_the_catalogue(search, catalogue):
    search(99)
    assert Image.objects.count() == len(catalogue)
    assert QueryPhoto.objects.get().label == "photo.jpg"


def test_the_photo_is_shown_beside_its_results(client, search):
    address = search(1)
    photo = client.get(f"{address}photo")
    assert photo["Content-Type"] == "image/webp"
    assert photo.content[8:12] == b"WEBP"
    assert "private" in photo["Cache-Control"]
    assert f'src="{address}photo"' in client.get(address).content.decode()


def test_an_expired_search_says_so_and_its_photo_is_gone(client, search):
    address = search(0)
    QueryPhoto.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for gone in (address, f"{address}photo"):
        answer = client.get(gone)
        assert answer.status_code == 410
        assert "Search with it again" in answer.content.decode()


def test_expired_photos_are_swept_by_the_next_search(search):
    search(0)
    QueryPhoto.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    search(1)
    assert QueryPhoto.objects.count() == 1


def test_a_token_that_never_was_is_gone_too(client, catalogue):
    assert client.get(reverse("results", args=["never-given"])).status_code == 410


@pytest.mark.parametrize("address", ["/search/%00/", "/search/%00/photo", "/search/a%20b/", "/search/%F0%9F%A6%8A/"])
def test_what_cannot_be_a_token_is_not_found(client, catalogue, address):
    assert client.get(address).status_code == 404


def test_the_choices_of_the_search_page_narrow_the_results(client, search, catalogue):
    bags, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[1].pk]).update(collection=bags)
    catalogue[1].tags.add(red)
    assert set(ranked(client.get(search(5, collection=bags.pk)))) == {catalogue[0].pk, catalogue[1].pk}
    assert ranked(client.get(search(5, collection=bags.pk, tag=red.pk))) == [catalogue[1].pk]


def test_nothing_chosen_is_said_beside_the_field(client, catalogue):
    answer = client.post(reverse("search_submit"), {})
    assert answer.status_code == 400
    assert "Choose a photo to search with." in answer.content.decode()


def test_searching_before_anything_is_searchable_says_what_to_do(client, picture):
    answer = client.post(reverse("search_submit"), {"photo": file_of(picture())})
    assert answer.status_code == 409
    assert "Add pictures first" in answer.content.decode()
    assert not QueryPhoto.objects.exists()


@pytest.mark.parametrize("example", ["nothing", "../../site", "a\0b"])
def test_an_example_that_is_none_is_not_found(client, catalogue, example):
    assert client.post(reverse("search_submit"), {"example": example}).status_code in (400, 404)


def test_an_example_of_the_demo_is_searched_with(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(source="demo/bag.jpg")
    assert 'value="bags"' in client.get("/").content.decode()
    answer = client.post(reverse("search_submit"), {"example": "bags"}, follow=True)
    assert len(answer.context["page"]) == len(catalogue)


def test_without_the_demo_no_example_is_offered(client, catalogue):
    assert 'name="example"' not in client.get("/").content.decode()


def test_more_like_this_ranks_the_others(client, catalogue):
    answer = client.get(catalogue[0].similar_url)
    assert sorted(ranked(answer)) == [image.pk for image in catalogue[1:]]
    assert "More like this" in answer.content.decode()


def test_more_like_a_waiting_image_says_to_come_back(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="pending")
    catalogue[0].descriptors.all().delete()
    answer = client.get(catalogue[0].similar_url)
    assert answer.status_code == 409
    assert "Come back in a moment" in answer.content.decode()


def test_more_like_an_image_that_is_not_there_is_not_found(client, catalogue):
    for pk in (0, 987_654, 10**30):
        assert client.get(f"/images/{pk}/similar/").status_code == 404
