"""Filters apply before ranking, so the total counts only images that pass."""

from datetime import UTC, date, datetime, timedelta

from catalog.models import Image
from catalog.services.search import queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions


def test_search_filters_by_format_size_and_words(catalogue):
    Image.objects.filter(pk=catalogue[1].pk).update(format="WEBP", title="Red bag")
    Image.objects.filter(pk=catalogue[2].pk).update(width=3000, height=1999)
    query = queries.image_query(catalogue[0])

    def found(**filters) -> list[int]:
        results = ranking.search(query, SearchOptions(filters=Filters(**filters)))
        assert results.total == len(results.hits)
        return sorted(hit.image.pk for hit in results.hits)

    assert found(format="WEBP") == [catalogue[1].pk]
    assert found(words="bag red") == [catalogue[1].pk]
    assert found(min_side=1999) == [catalogue[2].pk]
    assert found(min_side=2000) == []
    assert found(words="red", format="JPEG") == []


def test_dates_use_site_time_zone_and_include_both_days(catalogue, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    late = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)  # half past midnight on the second of March, there
    Image.objects.update(created_at=late)
    Image.objects.filter(pk=catalogue[0].pk).update(created_at=late - timedelta(hours=1))
    query = queries.image_query(catalogue[3])

    def total(**days) -> int:
        return ranking.search(query, SearchOptions(filters=Filters(**days))).total

    first, second = date(2026, 3, 1), date(2026, 3, 2)
    assert total(added_from=second) == len(catalogue) - 1
    assert total(added_to=first) == 1
    assert total(added_from=first, added_to=second) == len(catalogue)
    assert total(added_from=date.max) == total(added_to=date.min) == 0


def test_empty_filter_matches_everything(catalogue):
    assert Filters().image_ids() is None
    assert Filters().images().count() == len(catalogue)


def test_filter_without_matches_gives_no_ids(catalogue):
    assert Filters(words="nowhere").image_ids().tolist() == []
