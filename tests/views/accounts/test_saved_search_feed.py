"""The new matches of a saved search as a feed."""

from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Image, SavedSearch
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from catalog.services.search import saved_searches

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


def parse(response) -> ElementTree.Element:
    return ElementTree.fromstring(response.content)  # noqa: S314


@pytest.fixture
def search(catalogue, uploader) -> SavedSearch:
    return saved_searches.save(uploader, "Bags & more", catalogue[2].similar_url, [])


@pytest.fixture
def feed_url(search, uploader) -> str:
    owner = Client()
    owner.force_login(uploader)
    (row,) = owner.get(reverse("saved_searches")).context["saved_searches"]
    return row.feed_url()


def test_a_program_without_an_account_reads_the_new_matches(client, search, feed_url, picture, settings):
    settings.SEARCH_REQUIRES_LOGIN = True  # the address is secret
    root = parse(client.get(feed_url))
    assert root.find(f"{ATOM}title").text == "Bags & more"
    assert root.findall(f"{ATOM}entry") == []
    for quality in (95, 85):
        uploads.add_picture(picture(2, quality=quality), f"new-{quality}.jpg")
    extraction.index_pending()
    response = client.get(feed_url)
    assert response["Content-Type"].startswith("application/atom+xml")
    entries = parse(response).findall(f"{ATOM}entry")
    assert [entry.find(f"{ATOM}title").text for entry in entries] == ["new-85.jpg", "new-95.jpg"]
    newest = Image.objects.first()
    assert entries[0].find(f"{ATOM}link").get("href") == f"http://testserver{newest.get_absolute_url()}"
    assert f"http://testserver{newest.thumbnail_url}" in entries[0].find(f"{ATOM}summary").text
    saved_searches.mark_seen(search)
    assert b"<entry>" not in client.get(feed_url).content


def test_a_feed_ends_with_its_search_and_with_the_password_and_account_of_its_owner(client, search, feed_url, uploader):
    assert client.get(feed_url).status_code == 200
    uploader.is_active = False
    uploader.save()
    assert client.get(feed_url).status_code == 404
    uploader.is_active = True
    uploader.set_password("another long word")
    uploader.save()
    assert client.get(feed_url).status_code == 404
    search.refresh_from_db()
    uploader.refresh_from_db()
    search.user = uploader
    new_url = reverse("saved_search_feed", args=[saved_searches.feed_token(search)])
    assert client.get(new_url).status_code == 200
    search.delete()
    assert client.get(new_url).status_code == 404


def test_no_other_token_opens_a_feed(client, search, feed_url, uploader, catalogue):
    other = saved_searches.save(uploader, "Other", catalogue[3].similar_url, [])
    digest = feed_url.split("/")[-2].partition("-")[0]
    for token in (
        f"{digest}-{other.pk}",
        f"{'0' * 32}-{search.pk}",
        f"{digest}-{'9' * 40}",
        digest,
        f"{search.pk}",
        "x",
    ):
        assert client.get(reverse("saved_search_feed", args=[token])).status_code == 404, token


def test_feeds_count_as_searches(client, feed_url, settings):
    settings.SEARCHES_PER_MINUTE = 1
    assert [client.get(feed_url).status_code for _ in range(3)][-1] == 429
