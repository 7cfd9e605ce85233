"""The saved searches of a user."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from catalog.models import QueryPhoto, SavedSearch
from catalog.services.index import extraction
from catalog.services.ingest import uploads

pytestmark = pytest.mark.django_db
LIST_URL, SAVE_URL = reverse("saved_searches"), reverse("saved_search_save")


@pytest.fixture
def signed_in_owner(client, catalogue, uploader) -> User:
    client.force_login(uploader)
    return uploader


def save_search(client, url: str, name: str = "My bag") -> SavedSearch:
    response = client.post(SAVE_URL, {"name": name, "url": url})
    assert response.status_code == 302, response.content.decode()
    return SavedSearch.objects.latest("pk")


def test_saved_search_keeps_all_parameters_except_page(client, signed_in_owner, submit_search):
    url = submit_search(2)
    saved_search = save_search(client, f"{url}?format=JPEG&page=2&negative=3")
    assert saved_search.url == f"{url}?format=JPEG&negative=3"
    page = client.get(LIST_URL).content.decode()
    assert "My bag" in page
    assert "No new matches" in page
    assert QueryPhoto.objects.get().expires_at is None


def test_new_matches_are_shown(client, signed_in_owner, submit_search, picture):
    saved_search = save_search(client, submit_search(2))
    uploads.add_picture(picture(2, quality=95), "new.jpg")
    extraction.index_pending()
    page = client.get(LIST_URL)
    assert "1 new match" in page.content.decode()
    (shown,) = page.context["saved_searches"]
    assert [hit.image.source for hit in shown.new_results.hits] == ["new.jpg"]
    assert [hit.image.source for hit in client.get(shown.new_url).context["page"]] == ["new.jpg"]
    client.post(reverse("saved_search_mark_seen", args=[saved_search.pk]))
    assert "No new matches" in client.get(LIST_URL).content.decode()


def test_similar_image_search_is_saved_until_image_is_deleted(client, signed_in_owner, catalogue):
    save_search(client, catalogue[1].similar_url)
    assert "No new matches" in client.get(LIST_URL).content.decode()
    catalogue[1].delete()
    assert "Its photo or image may have been deleted" in client.get(LIST_URL).content.decode()


def test_saved_search_with_deleted_collection_is_still_listed(client, signed_in_owner, submit_search):
    save_search(client, f"{submit_search(2)}?collection=987654")
    assert "Its photo or image may have been deleted" in client.get(LIST_URL).content.decode()


def test_nothing_is_searched_until_an_image_is_added(client, signed_in_owner, submit_search, monkeypatch):
    save_search(client, submit_search(2))

    def search(*args: object) -> None:
        raise AssertionError("a saved search was run")

    monkeypatch.setattr("catalog.views.saved_searches.ranking.search", search)
    assert "No new matches" in client.get(LIST_URL).content.decode()


def test_only_the_searches_of_one_page_are_run(client, signed_in_owner, submit_search, picture, monkeypatch):
    url, searches = submit_search(2), []
    for number in range(12):
        save_search(client, url, f"search {number}")
    uploads.add_picture(picture(9), "new.jpg")
    monkeypatch.setattr("catalog.views.saved_searches.ranking.search", lambda *args: searches.append(args))
    page = client.get(LIST_URL)
    assert (len(page.context["saved_searches"]), len(searches)) == (10, 10)
    assert len(client.get(f"{LIST_URL}?page=2").context["saved_searches"]) == 2


def test_an_account_saves_a_limited_number_of_searches(client, signed_in_owner, submit_search, monkeypatch):
    monkeypatch.setattr("catalog.services.search.saved_searches.MAX_SAVED_SEARCHES", 1)
    url = submit_search(2)
    save_search(client, url)
    response = client.post(SAVE_URL, {"name": "another", "url": url})
    assert response.status_code == 400
    assert "Delete one of them first" in response.content.decode()


def test_saved_search_is_deleted(client, signed_in_owner, submit_search):
    saved_search = save_search(client, submit_search(2))
    client.post(reverse("saved_search_delete", args=[saved_search.pk]))
    assert not SavedSearch.objects.exists()
    assert "No saved searches yet" in client.get(LIST_URL).content.decode()


@pytest.mark.parametrize(
    ("name", "url"),
    [("", None), ("x" * 121, None), ("n", "/admin/"), ("n", "https://elsewhere.example/"), ("n", ""), ("n", "\0")],
)
def test_invalid_saved_search_is_reported(client, signed_in_owner, submit_search, name, url):
    response = client.post(SAVE_URL, {"name": name, "url": submit_search(2) if url is None else url})
    assert response.status_code == 400
    assert "could not be saved" in response.content.decode()


def test_search_with_expired_photo_cannot_be_saved(client, signed_in_owner):
    assert client.post(SAVE_URL, {"name": "n", "url": "/search/never-was-one/"}).status_code == 410


def test_users_cannot_access_searches_of_others(client, signed_in_owner, submit_search):
    saved_search = save_search(client, submit_search(2))
    assert "My bag" in client.get(LIST_URL).content.decode()
    client.force_login(User.objects.create_user("other"))
    assert "My bag" not in client.get(LIST_URL).content.decode()
    for name in ("saved_search_delete", "saved_search_mark_seen"):
        assert client.post(reverse(name, args=[saved_search.pk])).status_code == 404
    client.logout()
    for url in (LIST_URL, SAVE_URL):
        assert client.get(url).status_code in (302, 405)
    assert client.post(SAVE_URL, {"name": "n", "url": saved_search.url}).url.startswith("/accounts/login/")
    assert "Save this search as" not in client.get(saved_search.url).content.decode()


def test_saving_and_deleting_require_post(client, signed_in_owner, submit_search):
    saved_search = save_search(client, submit_search(2))
    for name, arguments in (
        ("saved_search_save", []),
        ("saved_search_delete", [saved_search.pk]),
        ("saved_search_mark_seen", [saved_search.pk]),
    ):
        assert client.get(reverse(name, args=arguments)).status_code == 405
