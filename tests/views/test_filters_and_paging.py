"""Filters and pages of search results and of the list of images."""

import re
from html import unescape

import pytest
from django.http import QueryDict
from django.urls import reverse

from catalog.models import Collection, Image, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def bags_collection(catalogue):
    created = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=created)
    return created


@pytest.fixture
def red_tag(catalogue):
    created = Tag.objects.create(name="red")
    for image in catalogue[2:6]:
        image.tags.add(created)
    return created


def shown_images(response) -> list[int]:
    return [getattr(one, "image", one).pk for one in response.context["page"]]


def result_count(response) -> int:
    return response.context["page"].paginator.count


@pytest.fixture(params=["browse", "results", "similar"])
def results_url(request, submit_search, catalogue):
    if request.param == "results":
        return submit_search(5)
    return reverse("browse") if request.param == "browse" else catalogue[5].similar_url


def test_filters_reduce_images_and_total(client, results_url, bags_collection, red_tag):
    filtered = client.get(results_url, {"collection": bags_collection.pk})
    assert result_count(filtered) == len(shown_images(filtered)) == 4
    assert result_count(client.get(results_url, {"collection": bags_collection.pk, "tag": red_tag.pk})) == 2


def test_each_chosen_filter_can_be_removed(client, results_url, bags_collection, red_tag):
    params = {"collection": bags_collection.pk, "tag": red_tag.pk, "q": "jpg", "min_side": "400", "format": ""}
    params |= {"added_from": "2020-02-01", "page": "1"}
    for language, texts in (
        ("en", ["Collection: Bags", "Tag: red", "Keywords: jpg", "Shorter side: 400 px or more", "Feb. 1, 2020"]),
        ("zh-hans", ["图集: Bags", "标签: red", "关键词: jpg", "2020年2月1日"]),
    ):
        page = client.get(results_url, params, headers={"accept-language": language})
        chips = re.findall(r'<a class="chip" href="\?([^"]*)">(.*?)</a>', page.content.decode())
        assert len(chips) == 5
        for text in texts:
            assert sum(text in chip for _, chip in chips) == 1, text
        for removed, (query, _) in zip(("collection", "tag", "q", "min_side", "added_from"), chips, strict=True):
            left = {name for name, value in params.items() if value and name not in ("page", removed)}
            assert set(QueryDict(unescape(query))) == left
    assert 'class="chip"' not in client.get(results_url).content.decode()


def test_a_collection_has_the_cover_of_its_newest_searchable_image(client, catalogue, bags_collection, settings):
    url = reverse("collection_cover", args=[bags_collection.pk])
    assert client.get(url).url == catalogue[3].thumbnail_url
    catalogue[3].status = Image.Status.PENDING
    catalogue[3].save()
    assert client.get(url).url == catalogue[2].thumbnail_url
    empty = Collection.objects.create(name="Empty")
    for pk in (empty.pk, 987654):
        assert client.get(reverse("collection_cover", args=[pk])).status_code == 204
    settings.SEARCH_REQUIRES_LOGIN = True
    assert client.get(url).url.startswith(reverse("login"))


def test_format_size_words_and_dates_filter(client, results_url, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(format="WEBP", width=900, height=800, title="Red bag")
    for params in ({"format": "WEBP"}, {"min_side": 800}, {"q": "bag red"}):
        assert shown_images(client.get(results_url, params)) == [catalogue[0].pk], params
    assert result_count(client.get(results_url, {"added_to": "2020-01-01"})) == 0
    assert result_count(client.get(results_url, {"added_from": "2020-01-01"})) >= 5


def test_collapsed_filters_expand_when_one_is_set(client, results_url):
    collapsed, expanded = (client.get(results_url, query).content.decode() for query in ({}, {"format": "JPEG"}))
    assert '<details id="advanced-filters" class="advanced-filters">' in collapsed
    assert '<details id="advanced-filters" class="advanced-filters" open>' in expanded


@pytest.mark.parametrize("name", ["format", "min_side", "added_from", "added_to"])
def test_invalid_filter_value_shows_error_page(client, results_url, name):
    for value in ["x", "\0", "-1", "31.12.2025", "2025-02-30"]:
        response = client.get(results_url, {name: value})
        assert response.status_code == 404, value
        assert "One of the filters has an unknown value" in response.content.decode()


@pytest.mark.parametrize("name", ["collection", "tag"])
def test_unknown_collection_or_tag_shows_error_page(client, results_url, name):
    for value in ["987654", "-1", "bags", "1\0", "\0", "9" * 40, "1.5", "<b>", "٣٣٣"]:
        response = client.get(results_url, {name: value})
        assert response.status_code == 404, value
        assert "One of the filters has an unknown value" in response.content.decode()


def test_any_page_number_shows_a_page(client, results_url):
    for page in ["0", "-1", "x", "1.5", "\0", "", "9" * 5000, "٣", "2", "999999999"]:
        response = client.get(results_url, {"page": page})
        assert response.status_code == 200, page
        assert len(shown_images(response)) >= 5, page


def test_pages_hold_every_result_once_in_order(client, submit_search, settings):
    url = submit_search(0)
    whole = shown_images(client.get(url))
    settings.RESULTS_PER_PAGE = 4
    first, second = client.get(url), client.get(url, {"page": 2})
    assert shown_images(first) + shown_images(second) == whole
    assert 'rel="next" href="?page=2"' in first.content.decode()
    assert [hit.rank for hit in second.context["page"]] == [5, 6]


def test_page_beyond_the_end_is_the_last_page(client, submit_search, settings):
    settings.RESULTS_PER_PAGE = 4
    response = client.get(submit_search(0), {"page": 50})
    assert response.context["page"].number == 2
    assert len(shown_images(response)) == 2


def test_page_links_keep_filters(client, submit_search, bags_collection, settings):
    settings.RESULTS_PER_PAGE = 2
    page = client.get(submit_search(0), {"collection": bags_collection.pk, "tag": ""}).content.decode()
    assert f"?collection={bags_collection.pk}&amp;page=2" in page


def test_filter_without_matches_is_reported(client, results_url):
    empty = Collection.objects.create(name="Empty")
    response = client.get(results_url, {"collection": empty.pk})
    assert result_count(response) == 0
    assert "No images match these filters." in response.content.decode()


def test_browse_finds_words_in_titles_file_names_collections_and_tags(client, catalogue, bags_collection, red_tag):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle")
    for words, count in [("kettle", 1), ("picture-3", 1), ("bag", 4), ("red", 4), ("red bag", 2), ("nowhere", 0)]:
        assert result_count(client.get(reverse("browse"), {"q": words})) == count, words


def test_browse_filters_by_status(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is a test.")
    assert shown_images(client.get(reverse("browse"), {"status": "failed"})) == [catalogue[0].pk]
    assert result_count(client.get(reverse("browse"), {"status": "indexed"})) == 5
    assert client.get(reverse("browse"), {"status": "lost"}).status_code == 404


@pytest.mark.slow
def test_any_words_show_a_page(client, catalogue):
    for words in ["a\0b", "w " * 2000, "%", "_", "'; drop table", "\\", "🦊", " "]:
        assert client.get(reverse("browse"), {"q": words}).status_code == 200, words
