"""The saved searches of a user."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from catalog.models import SavedPhoto, SavedSearch
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from catalog.services.search import query_photo_quota
from tests.services.search.query_photos.stored import expire, stored_paths

pytestmark = pytest.mark.django_db
LIST_URL, SAVE_URL = reverse("saved_searches"), reverse("saved_search_save")
COUNT_URL = "saved_search_count_new"


@pytest.fixture
def signed_in_owner(client, catalogue, uploader) -> User:
    client.force_login(uploader)
    return uploader


def outdate_counts() -> None:
    """Let two minutes pass since the searches were counted."""
    earlier = timezone.now() - timedelta(minutes=2)
    SavedSearch.objects.update(counted_at=earlier)


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
    assert SavedPhoto.objects.get().search == saved_search


def test_a_saved_search_goes_on_when_its_photos_have_expired_and_are_deleted(client, signed_in_owner, submit_search):
    refining = submit_search(3).split("/")[2]
    url = f"{submit_search(2)}?positive={refining}"
    save_search(client, url)
    ranked = [hit.image.pk for hit in client.get(url).context["page"]]
    expire()
    assert query_photo_quota.delete_expired() == 2
    (row,) = client.get(LIST_URL).context["saved_searches"]
    assert row.can_run
    results = client.get(url)
    assert [hit.image.pk for hit in results.context["page"]] == ranked
    assert [item.key for item in results.context["feedback"].positive] == [refining]
    assert "Your photo is deleted in" not in results.content.decode()
    assert client.get(f"{submit_search(2)}photo").status_code == 200
    assert stored_paths() == [], "what a saved search keeps is not stored again"


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


def badge(client) -> tuple[str, bool]:
    """The number of new matches in the header of a page, and whether the page has it counted again."""
    page = client.get("/images/").content.decode()
    shown = re.search(r'<span class="badge"([^>]*)><span>([^<]*)</span>', page)
    assert ("hidden" in shown[1]) == (shown[2] == "")
    return shown[2], reverse(COUNT_URL) in shown[1]


def test_new_matches_are_counted_in_the_header(client, signed_in_owner, submit_search, picture, monkeypatch):
    first = save_search(client, submit_search(2))
    assert badge(client) == ("", False)
    uploads.add_picture(picture(2, quality=95), "new.jpg")
    assert badge(client) == ("", False), "it cannot be found yet"
    extraction.index_pending()
    assert badge(client) == ("", False), "a minute has not passed"
    outdate_counts()
    assert badge(client) == ("", True)
    assert client.get(reverse(COUNT_URL)).json() == {"shown": "1"}
    assert badge(client) == ("1", False)
    client.post(reverse("saved_search_mark_seen", args=[first.pk]))
    assert badge(client) == ("", False)


def test_the_list_counts_too_and_one_request_runs_few_searches(client, signed_in_owner, submit_search, picture):
    url = submit_search(2)
    for number in range(12):
        save_search(client, url, f"search {number}")
    uploads.add_picture(picture(2, quality=95), "new.jpg")
    extraction.index_pending()
    outdate_counts()
    assert client.get(reverse(COUNT_URL)).json() == {"shown": "10"}
    assert badge(client) == ("10", True)
    assert client.get(reverse(COUNT_URL)).json() == {"shown": "12"}
    SavedSearch.objects.update(new_count=0)
    client.get(LIST_URL)
    assert badge(client)[0] == "10"
    SavedSearch.objects.update(new_count=90)
    assert badge(client)[0] == "99+"


def test_counts_are_those_of_the_user(client, signed_in_owner, submit_search):
    save_search(client, submit_search(2))
    SavedSearch.objects.update(new_count=3)
    assert badge(client)[0] == "3"
    client.force_login(User.objects.create_user("other"))
    assert badge(client)[0] == ""
    client.logout()
    assert client.get(reverse(COUNT_URL)).status_code == 302


def test_pictures_that_were_waiting_when_a_search_was_saved_are_new_matches(
    client, signed_in_owner, submit_search, picture
):
    url = submit_search(2)
    uploads.add_picture(picture(2, quality=95), "waiting.jpg")
    save_search(client, url)
    extraction.index_pending()
    assert "1 new match" in client.get(LIST_URL).content.decode()


def test_an_opened_search_is_called_by_its_name_and_is_not_saved_again(client, signed_in_owner, submit_search, picture):
    url = submit_search(2)
    saved_search = save_search(client, f"{url}?format=JPEG&min_score=0.2&negative=3")
    uploads.add_picture(picture(2, quality=95), "new.jpg")
    extraction.index_pending()
    (row,) = client.get(LIST_URL).context["saved_searches"]
    for same in (saved_search.url, f"{url}?negative=3&min_score=0.2&format=JPEG&page=1&tag=", row.new_url):
        page = client.get(same).content.decode()
        assert '<h1 id="results-title">My bag</h1>' in page, same
        assert "<title>My bag" in page
        assert "Save this search as" not in page
        assert "Saved as" in page
    for other in (url, f"{url}?format=JPEG", f"{url}?format=PNG&min_score=0.2&negative=3"):
        page = client.get(other).content.decode()
        assert "My bag" not in page, other
        assert "Save this search as" in page


def test_a_saved_search_is_renamed(client, signed_in_owner, submit_search):
    saved_search = save_search(client, submit_search(2))
    rename = reverse("saved_search_rename", args=[saved_search.pk])
    assert "now called “Red bag”" in client.post(rename, {"name": " Red bag "}, follow=True).content.decode()
    assert '<h1 id="results-title">Red bag</h1>' in client.get(saved_search.url).content.decode()
    for name in ("", "x" * 121, "a\0b"):
        assert client.post(rename, {"name": name}).status_code == 400
    assert SavedSearch.objects.get().name == "Red bag"


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
    extraction.index_pending()
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
    for name in ("saved_search_delete", "saved_search_mark_seen", "saved_search_rename"):
        assert client.post(reverse(name, args=[saved_search.pk]), {"name": "mine"}).status_code == 404
    assert "My bag" not in client.get(saved_search.url).content.decode()
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
        ("saved_search_rename", [saved_search.pk]),
    ):
        assert client.get(reverse(name, args=arguments)).status_code == 405
