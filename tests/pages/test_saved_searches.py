"""Searches that a signed-in person keeps."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from catalog.models import QueryPhoto, SavedSearch
from catalog.services import indexing, uploads

pytestmark = pytest.mark.django_db
KEPT, KEEP = reverse("saved"), reverse("saved_keep")


@pytest.fixture
def owner(client, catalogue, uploader) -> User:
    client.force_login(uploader)
    return uploader


def keep(client, address: str, name: str = "My bag") -> SavedSearch:
    answer = client.post(KEEP, {"name": name, "address": address})
    assert answer.status_code == 302, answer.content.decode()
    return SavedSearch.objects.latest("pk")


def test_a_search_is_kept_with_all_that_it_holds_but_its_page(client, owner, search):
    address = search(2)
    kept = keep(client, f"{address}?format=JPEG&page=2&less=3")
    assert kept.address == f"{address}?format=JPEG&less=3"
    page = client.get(KEPT).content.decode()
    assert "My bag" in page
    assert "Nothing new" in page
    assert QueryPhoto.objects.get().expires_at is None


def test_what_is_added_later_and_matches_is_shown(client, owner, search, picture):
    kept = keep(client, search(2))
    uploads.add(picture(2, quality=95), "new.jpg")
    indexing.index_pending()
    page = client.get(KEPT)
    assert "1 new match" in page.content.decode()
    (shown,) = page.context["searches"]
    assert [hit.image.source for hit in shown.new.hits] == ["new.jpg"]
    assert [hit.image.source for hit in client.get(shown.new_address).context["page"]] == ["new.jpg"]
    client.post(reverse("saved_seen", args=[kept.pk]))
    assert "Nothing new" in client.get(KEPT).content.decode()


def test_the_likes_of_an_image_are_kept_until_it_is_gone(client, owner, catalogue):
    keep(client, catalogue[1].similar_url)
    assert "Nothing new" in client.get(KEPT).content.decode()
    catalogue[1].delete()
    assert "not there any more" in client.get(KEPT).content.decode()


def test_a_kept_search_whose_choices_are_gone_is_still_listed(client, owner, search):
    keep(client, f"{search(2)}?collection=987654")
    assert "not there any more" in client.get(KEPT).content.decode()


def test_a_kept_search_is_forgotten(client, owner, search):
    kept = keep(client, search(2))
    client.post(reverse("saved_forget", args=[kept.pk]))
    assert not SavedSearch.objects.exists()
    assert "Nothing is kept yet" in client.get(KEPT).content.decode()


@pytest.mark.parametrize(
    ("name", "address"),
    [("", None), ("x" * 121, None), ("n", "/admin/"), ("n", "https://elsewhere.example/"), ("n", ""), ("n", "\0")],
)
def test_what_cannot_be_kept_is_told(client, owner, search, name, address):
    answer = client.post(KEEP, {"name": name, "address": search(2) if address is None else address})
    assert answer.status_code == 400
    assert "cannot be kept" in answer.content.decode()


def test_a_search_with_a_photo_that_is_gone_cannot_be_kept(client, owner):
    assert client.post(KEEP, {"name": "n", "address": "/search/never-was-one/"}).status_code == 410


def test_nobody_sees_or_forgets_the_searches_of_another(client, owner, search):
    kept = keep(client, search(2))
    assert "My bag" in client.get(KEPT).content.decode()
    client.force_login(User.objects.create_user("other"))
    assert "My bag" not in client.get(KEPT).content.decode()
    for name in ("saved_forget", "saved_seen"):
        assert client.post(reverse(name, args=[kept.pk])).status_code == 404
    client.logout()
    for address in (KEPT, KEEP):
        assert client.get(address).status_code in (302, 405)
    assert client.post(KEEP, {"name": "n", "address": kept.address}).url.startswith("/accounts/login/")
    assert "Keep this search as" not in client.get(kept.address).content.decode()


def test_searches_are_kept_and_forgotten_by_post_alone(client, owner, search):
    kept = keep(client, search(2))
    for name, arguments in (("saved_keep", []), ("saved_forget", [kept.pk]), ("saved_seen", [kept.pk])):
        assert client.get(reverse(name, args=arguments)).status_code == 405
