"""Pages of search results."""

import pytest

from catalog.services.search import queries, ranking, result_pages
from catalog.services.search.options import SearchOptions
from catalog.services.search.result_pages import search_page
from catalog.vectors.engines import LocalEngine


@pytest.fixture
def rankings(monkeypatch) -> list[int]:
    """The limit of each ranking, in order."""
    limits, rank = [], LocalEngine.rank

    def recording(engine, snapshot, query, *, limit, allowed_ids=None):
        limits.append(limit)
        return rank(engine, snapshot, query, limit=limit, allowed_ids=allowed_ids)

    monkeypatch.setattr(LocalEngine, "rank", recording)
    return limits


@pytest.mark.parametrize("grouped", [True, False])
def test_pages_hold_consecutive_hits(catalogue, picture, grouped):
    query = queries.extract_query(picture(2))
    hits = ranking.search(query).hits
    pages = [search_page(query, SearchOptions(), number=number, page_size=4, grouped=grouped) for number in (1, 2)]
    assert [page.number for page in pages] == [1, 2]
    assert [page.results.hits for page in pages] == [hits[:4], hits[4:]]
    assert [page.results.total for page in pages] == [6, 6]


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
