"""What scores are worth, in words, and more of the same kind."""

import re

import pytest

from catalog.models import Collection
from catalog.services import rebuilding
from catalog.vectors import calibration
from tests import described

pytestmark = pytest.mark.django_db


@pytest.fixture
def kinds():
    """A hundred and twenty images of twelve kinds, which a generation has learned from."""
    images = described.add(
        described.kinds(12, 10, spread=0.1), collections=[f"kind {number // 10}" for number in range(120)]
    )
    rebuilding.rebuild()
    return images


def words(page: str) -> list[str]:
    return re.findall(r'class="likeness[^"]*">([^<]+)<', page)


def test_every_hit_has_its_word(client, kinds):
    page = client.get(kinds[0].similar_url).content.decode()
    assert len(words(page)) == len(re.findall('class="tile"', page))
    assert set(words(page)) <= {"Same picture", "Very alike", "Alike", "Hardly alike"}
    assert words(page)[-1] == "Hardly alike"


def test_a_small_catalogue_has_scores_and_no_words(client, search, catalogue):
    page = client.get(search(2)).content.decode()
    assert "1.000" in page
    assert not words(page)


def test_the_first_page_says_that_nothing_is_alike(client, kinds, monkeypatch):
    nothing = "Nothing here looks like your photo"
    assert nothing not in client.get(kinds[0].similar_url).content.decode()
    monkeypatch.setattr(calibration.Calibration, "least", lambda self, word: -2.0 if word == "weak" else 2.0)
    page = client.get(kinds[0].similar_url).content.decode()
    assert nothing in page
    assert "More of the same kind" not in page
    assert nothing not in client.get(f"{kinds[0].similar_url}?page=2").content.decode()


def test_more_of_the_same_kind_is_a_link_that_keeps_the_filters(client, kinds):
    chosen = Collection.objects.get(name="kind 0").pk
    page = client.get(f"{kinds[0].similar_url}?collection={chosen}").content.decode()
    assert f'href="?collection={chosen}&amp;expand=5"' in page


def test_an_expanded_search_says_so_and_leads_back(client, kinds):
    page = client.get(f"{kinds[0].similar_url}?expand=5").content.decode()
    assert "The 5 best images were added to your search" in page
    assert "Search without them" in page
    assert "expand=5&amp;page=2" in page  # the next page is one of the same search
    assert '<input type="hidden" name="expand" value="5">' in page  # and so is a narrower one
    assert not words(page)


def test_an_expansion_ranks_otherwise(client, kinds):
    def ranked(address: str) -> list[int]:
        return [hit.image.pk for hit in client.get(address).context["page"]]

    assert ranked(kinds[0].similar_url) != ranked(f"{kinds[0].similar_url}?expand=5")


@pytest.mark.parametrize("value", ["", "x", "-1", "1e3", "٣" * 20, "99999999999"])
def test_an_expansion_that_is_no_number_is_none(client, kinds, value):
    answer = client.get(kinds[0].similar_url, {"expand": value})
    assert answer.status_code == 200
    assert "More of the same kind" in answer.content.decode()


def test_an_expansion_is_never_larger_than_may_be(client, kinds):
    assert "The 50 best images" in client.get(f"{kinds[0].similar_url}?expand=1000").content.decode()
