"""Searches on the engine in use, and their comparison with exact search."""

import pytest

from catalog.services.index import spaces
from catalog.services.index.live_index import INDEX
from catalog.services.index.training import generation_training, projection_comparison
from catalog.services.search import ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.vectors import exact, two_stage
from catalog.vectors.snapshot import Snapshot

# A catalogue of six images can be trained on in these tests.
MIN_IMAGES = 5
NO_FILTERS = Filters()

# For tests that only apply to one of the two catalogues.
only_plain = pytest.mark.parametrize("catalogue", ["plain"], indirect=True)
only_linked = pytest.mark.parametrize("catalogue", ["with neighbours"], indirect=True)


def allow_small_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit a projection and codes to MIN_IMAGES or more images, and make their neighbour lists."""
    for module in (generation_training, projection_comparison):
        monkeypatch.setattr(module, "MIN_IMAGES", MIN_IMAGES)


def snapshot() -> Snapshot:
    """Return the current snapshot, without syncing a server."""
    return INDEX.view(spaces.active_generation()).snapshot


def search_ids(query: Query, filters: Filters = NO_FILTERS, **options: int) -> tuple[list[int], list[float], int]:
    results = ranking.search(query, SearchOptions(filters=filters, **options))
    return [hit.image.pk for hit in results.hits], [hit.score for hit in results.hits], results.total


def assert_exact(query: Query, filters: Filters = NO_FILTERS, *, start: int = 0, limit: int = 24) -> None:
    """Assert that the engine in use ranks as exact search does."""
    ids, scores, total = search_ids(query, filters, start=start, limit=limit)
    allowed = filters.image_ids() if filters else None
    exact_query = two_stage.expand_query(snapshot(), ranking.projected_query(query, snapshot()))
    exact_ranking = exact.rank(snapshot(), exact_query, limit=10_000, allowed_ids=allowed)
    best = exact_ranking.scores[start : start + limit].tolist()
    assert (len(set(ids)), total) == (len(best), exact_ranking.total)
    assert scores == pytest.approx(best, abs=1e-5)
    # The order of summation changes the last bits of scores, so images with nearly equal scores may swap.
    exact_scores = dict(zip(exact_ranking.image_ids.tolist(), exact_ranking.scores.tolist(), strict=True))
    assert [exact_scores[pk] for pk in ids] == pytest.approx(best, abs=2e-6)
