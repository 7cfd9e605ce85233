"""Pages of search results."""

from dataclasses import replace

import pytest

from catalog.models import Image
from catalog.services.index import rebuilding
from catalog.services.search import queries, ranking, result_pages
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.ranking import SimilarCount
from catalog.services.search.result_pages import search_page
from catalog.vectors.calibration import SimilarityLevel
from catalog.vectors.engines import LocalEngine
from tests import indexed_images


@pytest.fixture
def rankings(monkeypatch) -> list[int]:
    """The limit of each ranking, in order."""
    limits, rank = [], LocalEngine.rank

    def recording(engine, snapshot, query, *, limit, allowed_ids=None):
        limits.append(limit)
        return rank(engine, snapshot, query, limit=limit, allowed_ids=allowed_ids)

    monkeypatch.setattr(LocalEngine, "rank", recording)
    return limits


def test_pages_hold_consecutive_hits(catalogue, picture):
    query = queries.extract_query(picture(2))
    hits = ranking.search(query).hits
    pages = [search_page(query, SearchOptions(), number=number, page_size=4) for number in (1, 2)]
    assert [page.number for page in pages] == [1, 2]
    assert [page.results.hits for page in pages] == [hits[:4], hits[4:]]
    assert [page.results.total for page in pages] == [6, 6]
    assert [[(section.level, section.hits) for section in page.sections] for page in pages] == [
        [(None, hits[:4])],
        [(None, hits[4:])],
    ]
    assert not any(page.hides_weak or page.shows_weak or page.similar for page in pages)


@pytest.fixture
def calibrated_query(db) -> Query:
    """An image of a catalogue of twelve kinds, ten images each. Only those of a kind are similar."""
    images = indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(12, 10, spread=0.1),
        collections=[f"kind {number // 10}" for number in range(120)],
    )
    rebuilding.rebuild()
    return queries.image_query(images[0])


def test_pages_end_where_matches_turn_weak(calibrated_query):
    pages = [search_page(calibrated_query, SearchOptions(), number=number, page_size=4) for number in (1, 2, 9)]
    assert [page.similar for page in pages] == [SimilarCount(10, is_complete=True)] * 3
    assert [page.number for page in pages] == [1, 2, 3]
    assert [[hit.rank for hit in page.results.hits] for page in pages] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert all(page.hides_weak and not page.shows_weak and page.shown == 10 for page in pages)
    levels = [section.level for page in pages for section in page.sections]
    assert levels[0] is SimilarityLevel.SAME
    assert SimilarityLevel.WEAK not in levels
    assert levels == sorted(levels, key=list(SimilarityLevel).index)


def test_weak_matches_follow_in_a_section_of_their_own(calibrated_query):
    page = search_page(calibrated_query, SearchOptions(), number=1, page_size=24, with_weak=True)
    assert page.shown == page.results.total == 120
    assert page.shows_weak
    assert not page.hides_weak
    assert page.sections[-1].level is SimilarityLevel.WEAK
    assert page.sections[-1].label == "Weaker matches"
    assert [hit.rank for hit in page.sections[-1].hits] == list(range(11, 25))


def test_weak_matches_are_shown_where_nothing_is_similar(calibrated_query):
    others = Filters(collection=Image.objects.latest("pk").collection)
    page = search_page(calibrated_query, SearchOptions(filters=others), number=1, page_size=4)
    assert page.similar == SimilarCount(0, is_complete=True)
    assert [section.level for section in page.sections] == [SimilarityLevel.WEAK]
    assert not page.hides_weak


def test_excluded_image_does_not_count_as_similar(calibrated_query):
    first = ranking.search(calibrated_query).hits[0].image.pk
    page = search_page(calibrated_query, SearchOptions(exclude_id=first), number=1, page_size=4)
    assert page.similar == SimilarCount(9, is_complete=True)


def test_count_is_a_lower_bound_where_most_of_the_compared_images_are_similar(calibrated_query):
    ranked = ranking.rank_query(calibrated_query, SearchOptions())
    few = replace(ranked.ranking, compared_scores=ranked.ranking.scores[:12], total=1000)
    assert replace(ranked, ranking=few).count_similar() == SimilarCount(10, is_complete=False)


def test_page_beyond_the_end_is_the_last_page(catalogue, picture, rankings):
    query = queries.extract_query(picture(2))
    page = search_page(query, SearchOptions(), number=50, page_size=4)
    assert page.number == 2
    assert [hit.rank for hit in page.results.hits] == [5, 6]
    assert len(rankings) == 1


def test_hits_around_the_page_are_grouped_with_it(catalogue, picture, monkeypatch):
    groups = []
    monkeypatch.setattr(
        result_pages, "group_near_duplicates", lambda results: groups.append(len(results.hits)) or results.hits
    )
    page = search_page(queries.extract_query(picture(2)), SearchOptions(), number=2, page_size=2)
    assert [hit.rank for hit in page.results.hits] == [3, 4]
    assert groups == [6]
