"""Similarity levels on results pages, and query expansion."""

import re

import pytest

from catalog.models import Collection
from catalog.services.index import rebuilding
from catalog.vectors import calibration
from tests import indexed_images

pytestmark = pytest.mark.django_db


@pytest.fixture
def clustered_images():
    """120 images in twelve clusters, indexed with a calibration."""
    images = indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(12, 10, spread=0.1),
        collections=[f"kind {number // 10}" for number in range(120)],
    )
    rebuilding.rebuild()
    return images


def shown_labels(page: str) -> list[str]:
    return re.findall(r'class="similarity-level[^"]*">([^<]+)<', page)


def test_every_hit_has_similarity_level(client, clustered_images):
    page = client.get(clustered_images[0].similar_url).content.decode()
    assert len(shown_labels(page)) == len(re.findall('class="tile"', page))
    assert set(shown_labels(page)) <= {"Same picture", "Very similar", "Similar"}


def test_page_says_how_many_images_are_similar_and_shows_these(client, clustered_images):
    response = client.get(clustered_images[0].similar_url)
    page = response.content.decode()
    assert "9 similar images" in page
    assert "most similar first" not in page
    assert [hit.rank for hit in response.context["page"]] == list(range(1, 10))
    headings = re.findall(r'<h2 id="section-(\w+)">([^<]+)</h2>', page)
    assert headings
    assert set(headings) <= {("same", "Same picture"), ("very_similar", "Very similar"), ("similar", "Similar")}
    assert 'rel="next"' not in page
    assert "110 images" in page  # weaker ones


def test_weaker_matches_are_shown_on_request(client, clustered_images, settings):
    settings.RESULTS_PER_PAGE = 6
    page = client.get(clustered_images[0].similar_url, {"page": 2, "added_within": 7}).content.decode()
    link = re.search(r'href="([^"]+)">Show weaker matches<', page).group(1).replace("&amp;", "&")
    assert link == "?added_within=7&weak=1&page=2#section-weak"
    response = client.get(clustered_images[0].similar_url + link.partition("#")[0])
    page = response.content.decode()
    assert [hit.rank for hit in response.context["page"]] == list(range(7, 13))
    assert '<h2 id="section-weak">Weaker matches</h2>' in page
    assert shown_labels(page)[-1] == "Weak match"
    assert "Show more weaker matches" in page
    assert "data-automatic" not in page
    assert "Earlier results" in page


def test_small_catalogue_has_scores_without_levels(client, submit_search, catalogue):
    page = client.get(submit_search(2)).content.decode()
    assert "1.000" in page
    assert not shown_labels(page)


def test_first_page_reports_no_similar_images(client, clustered_images, monkeypatch):
    nothing = "No similar images found"
    assert nothing not in client.get(clustered_images[0].similar_url).content.decode()
    monkeypatch.setattr(calibration.Calibration, "min_score", lambda self, level: -2.0 if level == "weak" else 2.0)
    page = client.get(clustered_images[0].similar_url).content.decode()
    assert nothing in page
    assert "Find more of the same kind" not in page
    assert nothing not in client.get(f"{clustered_images[0].similar_url}?page=2").content.decode()


def test_expansion_link_keeps_filters(client, clustered_images):
    collection_id = Collection.objects.get(name="kind 0").pk
    page = client.get(f"{clustered_images[0].similar_url}?collection={collection_id}").content.decode()
    assert f'href="?collection={collection_id}&amp;expand=5"' in page


def test_expanded_search_is_reported_and_can_be_undone(client, clustered_images):
    page = client.get(f"{clustered_images[0].similar_url}?expand=5").content.decode()
    assert "The 5 best matches were added to your search" in page
    assert "Undo" in page
    assert "expand=5&amp;page=2" in page  # page links keep the expansion
    assert '<input type="hidden" name="expand" value="5">' in page  # so does the filter form
    assert not shown_labels(page)


def test_expansion_changes_ranking(client, clustered_images):
    def ranked(url: str) -> list[int]:
        return [hit.image.pk for hit in client.get(url).context["page"]]

    assert ranked(clustered_images[0].similar_url) != ranked(f"{clustered_images[0].similar_url}?expand=5")


@pytest.mark.parametrize("value", ["", "x", "-1", "1e3", "٣" * 20, "99999999999"])
def test_invalid_expansion_is_ignored(client, clustered_images, value):
    response = client.get(clustered_images[0].similar_url, {"expand": value})
    assert response.status_code == 200
    assert "Find more of the same kind" in response.content.decode()


def test_expansion_is_limited(client, clustered_images):
    assert "The 50 best matches" in client.get(f"{clustered_images[0].similar_url}?expand=1000").content.decode()
