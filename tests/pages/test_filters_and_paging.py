"""Results and browsing, narrowed and leafed through."""

import pytest
from django.urls import reverse

from catalog.models import Collection, Image, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def bags(catalogue):
    made = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=made)
    return made


@pytest.fixture
def red(catalogue):
    made = Tag.objects.create(name="red")
    for image in catalogue[2:6]:
        image.tags.add(made)
    return made


def shown(answer) -> list[int]:
    return [getattr(one, "image", one).pk for one in answer.context["page"]]


def total(answer) -> int:
    return answer.context["page"].paginator.count


@pytest.fixture(params=["browse", "results", "similar"])
def address(request, search, catalogue):
    if request.param == "results":
        return search(5)
    return reverse("browse") if request.param == "browse" else catalogue[5].similar_url


def test_filters_narrow_and_the_count_is_true(client, address, bags, red):
    narrowed = client.get(address, {"collection": bags.pk})
    assert total(narrowed) == len(shown(narrowed)) == 4
    assert total(client.get(address, {"collection": bags.pk, "tag": red.pk})) == 2


def test_format_size_words_and_days_narrow_too(client, address, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(format="WEBP", width=900, height=800, title="Red bag")
    for narrowing in ({"format": "WEBP"}, {"least_side": 800}, {"q": "bag red"}):
        assert shown(client.get(address, narrowing)) == [catalogue[0].pk], narrowing
    assert total(client.get(address, {"added_to": "2020-01-01"})) == 0
    assert total(client.get(address, {"added_from": "2020-01-01"})) >= 5


def test_filters_that_are_folded_away_are_unfolded_when_one_is_chosen(client, address):
    folded, unfolded = (client.get(address, query).content.decode() for query in ({}, {"format": "JPEG"}))
    assert '<details id="more-filters" class="more-filters">' in folded
    assert '<details id="more-filters" class="more-filters" open>' in unfolded


@pytest.mark.parametrize("name", ["format", "least_side", "added_from", "added_to"])
def test_what_no_form_offers_is_a_page_that_says_so(client, address, name):
    for value in ["x", "\0", "-1", "31.12.2025", "2025-02-30"]:
        answer = client.get(address, {name: value})
        assert answer.status_code == 404, value
        assert "There is no such collection" in answer.content.decode()


@pytest.mark.parametrize("name", ["collection", "tag"])
def test_a_choice_that_is_not_there_is_a_page_that_says_so(client, address, name):
    for value in ["987654", "-1", "bags", "1\0", "\0", "9" * 40, "1.5", "<b>", "٣٣٣"]:
        answer = client.get(address, {name: value})
        assert answer.status_code == 404, value
        assert "There is no such collection" in answer.content.decode()


def test_any_page_number_gives_a_page(client, address):
    for page in ["0", "-1", "x", "1.5", "\0", "", "9" * 5000, "٣", "2", "999999999"]:
        answer = client.get(address, {"page": page})
        assert answer.status_code == 200, page
        assert len(shown(answer)) >= 5, page


def test_pages_hold_every_result_once_and_in_order(client, search, settings):
    address = search(0)
    whole = shown(client.get(address))
    settings.RESULTS_PER_PAGE = 4
    first, second = client.get(address), client.get(address, {"page": 2})
    assert shown(first) + shown(second) == whole
    assert 'rel="next" href="?page=2"' in first.content.decode()
    assert [hit.rank for hit in second.context["page"]] == [5, 6]


def test_a_page_beyond_the_end_is_the_last(client, search, settings):
    settings.RESULTS_PER_PAGE = 4
    answer = client.get(search(0), {"page": 50})
    assert answer.context["page"].number == 2
    assert len(shown(answer)) == 2


def test_the_links_to_pages_keep_the_filters(client, search, bags, settings):
    settings.RESULTS_PER_PAGE = 2
    page = client.get(search(0), {"collection": bags.pk, "tag": ""}).content.decode()
    assert f"?collection={bags.pk}&amp;page=2" in page


def test_a_filter_that_nothing_passes_says_so(client, address):
    empty = Collection.objects.create(name="Empty")
    answer = client.get(address, {"collection": empty.pk})
    assert total(answer) == 0
    assert "Nothing to show" in answer.content.decode()


def test_browsing_finds_words_in_titles_names_collections_and_tags(client, catalogue, bags, red):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle")
    for words, count in [("kettle", 1), ("picture-3", 1), ("bag", 4), ("red", 4), ("red bag", 2), ("nowhere", 0)]:
        assert total(client.get(reverse("browse"), {"q": words})) == count, words


def test_browsing_narrows_to_a_status(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is a test.")
    assert shown(client.get(reverse("browse"), {"status": "failed"})) == [catalogue[0].pk]
    assert total(client.get(reverse("browse"), {"status": "indexed"})) == 5
    assert client.get(reverse("browse"), {"status": "lost"}).status_code == 404


def test_any_words_give_a_page(client, catalogue):
    for words in ["a\0b", "w " * 2000, "%", "_", "'; drop table", "\\", "🦊", " "]:
        assert client.get(reverse("browse"), {"q": words}).status_code == 200, words
