"""Pages of search results, with near-duplicates grouped under the best match."""

from dataclasses import dataclass, replace

from catalog.services.search.near_duplicates import group_near_duplicates
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.ranking import Results, rank_query

# Near-duplicates have about the same score. So many hits before and after a page are grouped together with its own.
GROUPING_MARGIN = 24


@dataclass(frozen=True)
class ResultsPage:
    """One page of results.

    Attributes:
        number: of the page, from 1: the requested page, or the last one if there are fewer pages.
        results: the hits of this page. The total and the rest describe the whole search.
    """

    number: int
    results: Results


def search_page(
    query: Query, options: SearchOptions, *, number: int, page_size: int, grouped: bool = True
) -> ResultsPage:
    """Search once and return one page of the results.

    Args:
        options: `start` and `limit` are ignored.
        number: of the page, from 1.
        page_size: how many ranks a page holds. It shows fewer hits where near-duplicates are grouped.
        grouped: whether near-duplicates are grouped. A near-duplicate of a hit on another page is left out there.

    Raises:
        NoIndexedImages, IndexUnavailable, CatalogueBusy: as `ranking.search`.
    """
    ranked = rank_query(query, replace(options, start=0, limit=number * page_size + GROUPING_MARGIN))
    page_count = max(1, -(-ranked.total // page_size))
    number = min(number, page_count)
    first_rank, last_rank = (number - 1) * page_size + 1, number * page_size
    start = max(0, first_rank - 1 - GROUPING_MARGIN)
    results = ranked.results(start=start, limit=last_rank + GROUPING_MARGIN - start)
    hits = group_near_duplicates(results) if grouped else results.hits
    return ResultsPage(number, replace(results, hits=[hit for hit in hits if first_rank <= hit.rank <= last_rank]))
