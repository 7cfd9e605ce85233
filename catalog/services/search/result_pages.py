"""Pages of search results: in sections by level, with near-duplicates grouped under the best match."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from django.utils.translation import gettext

from catalog.services.search.near_duplicates import group_near_duplicates
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.ranking import Hit, QueryRanking, Results, SimilarCount, rank_query
from catalog.similarity_labels import similarity_label
from catalog.vectors.calibration import SimilarityLevel

# Near-duplicates have about the same score. So many hits before and after a page are grouped together with its own.
GROUPING_MARGIN = 24


@dataclass(frozen=True)
class Section:
    """Consecutive hits of a page that are about as similar; `level` is None where scores have no levels."""

    level: SimilarityLevel | None
    hits: list[Hit]

    @property
    def label(self) -> str:
        """The heading in the active language; empty without a level."""
        if self.level is SimilarityLevel.WEAK:
            return gettext("Weaker matches")
        return similarity_label(self.level) if self.level else ""


@dataclass(frozen=True)
class ResultsPage:
    """One page of results.

    Attributes:
        number: of the page, from 1: the requested page, or the last one if there are fewer pages.
        results: the hits of this page. The total and the rest describe the whole search.
        sections: the same hits, the most similar first.
        shown: how many ranks all pages hold together.
        similar: how many images are similar to the query; None where scores have no levels.
    """

    number: int
    results: Results
    sections: list[Section]
    shown: int
    similar: SimilarCount | None

    @property
    def shows_weak(self) -> bool:
        """Whether this page shows weak matches, and so only weak ones follow."""
        return bool(self.sections) and self.sections[-1].level is SimilarityLevel.WEAK

    @property
    def hides_weak(self) -> bool:
        """Whether there are weak matches after the last page."""
        return self.shown < self.results.total


def search_page(
    query: Query, options: SearchOptions, *, number: int, page_size: int, with_weak: bool = False
) -> ResultsPage:
    """Search once and return one page of the results.

    Args:
        options: `start` and `limit` are ignored.
        number: of the page, from 1.
        page_size: how many ranks a page holds. It shows fewer hits, since near-duplicates are grouped. A near-duplicate
            of a hit on another page is left out here.
        with_weak: whether the pages go on where the matches turn weak. They do if there is nothing better.

    Raises:
        NoIndexedImages, IndexUnavailable, CatalogueBusy: as `ranking.search`.
    """
    ranked = rank_query(query, replace(options, start=0, limit=number * page_size + GROUPING_MARGIN))
    similar = ranked.count_similar()
    shown = ranked.total if with_weak or similar is None or not similar.number else similar.number
    number = min(number, max(1, -(-shown // page_size)))
    first_rank, last_rank = (number - 1) * page_size + 1, min(number * page_size, shown)
    start = max(0, first_rank - 1 - GROUPING_MARGIN)
    results = ranked.results(start=start, limit=last_rank + GROUPING_MARGIN - start)
    hits = [hit for hit in group_near_duplicates(results) if first_rank <= hit.rank <= last_rank]
    return ResultsPage(number, replace(results, hits=hits), _sections(hits, ranked), shown, similar)


def _sections(hits: Sequence[Hit], ranked: QueryRanking) -> list[Section]:
    levels = ranked.section_levels()
    return [
        Section(level, list(section))
        for level, section in groupby(hits, key=lambda hit: levels[hit.rank - 1] if levels else None)
    ]
