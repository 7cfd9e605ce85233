"""Counts of images for each value of a filter, with the other filters left as they are."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q

from catalog.querysets import ImageQuerySet
from catalog.services.monitoring import process_metrics
from catalog.services.search.filters import Filters, days_ago

# The values that the filters offer: the minimum length of the shorter side in pixels, and the age of an image in days.
MIN_SIDE_CHOICES = (400, 800, 1600, 3200)
ADDED_WITHIN_CHOICES = (1, 7, 30, 365)

# By field: the number of images for each value of the field, and without the field (key None).
FacetCounts = dict[str, dict[object, int]]

# With this many images or more, counting takes longer than searching, so the counts are cached.
CACHE_FROM_COUNT, CACHE_SECONDS = 50_000, 30


# By field: what `Filters` holds when the field is empty.
_UNSET_VALUES: dict[str, dict[str, Any]] = {
    "collection": {"collection": None},
    "tag": {"tags": ()},
    "format": {"format": ""},
    "min_side": {"min_side": 0},
    "added_within": {"added_within": 0},
    "status": {},
}


def count_choices(fields: Iterable[str], filters: Filters, status: str) -> FacetCounts:
    """Count the images for each value of `fields`; fields without fixed values are skipped.

    Args:
        status: count images of this status only; empty for all.
    """
    return {
        field: _cached_counts(replace(filters, **_UNSET_VALUES[field]), "" if field == "status" else status, field)
        for field in fields
        if field in _UNSET_VALUES
    }


def _cached_counts(filters: Filters, status: str, field: str) -> dict[object, int]:
    key = f"facet-{field}-{status}-{sha256(repr(filters).encode()).hexdigest()}"
    cached = cache.get(key)
    process_metrics.count_cache_lookup("facets", is_hit=cached is not None)
    if cached is not None:
        return dict(cached)
    images = filters.images().order_by()
    counts = _COUNTERS[field](images.filter(status=status) if status else images)
    if counts[None] >= CACHE_FROM_COUNT:
        cache.set(key, list(counts.items()), CACHE_SECONDS)  # JSON has no keys but strings
    return counts


def _value_counter(column: str) -> Callable[[ImageQuerySet], dict[object, int]]:
    def count_values(images: ImageQuerySet) -> dict[object, int]:
        return {**dict(images.values_list(column).annotate(Count("pk"))), None: images.count()}

    return count_values


def _condition_counter(conditions: Callable[[], dict[object, Q]]) -> Callable[[ImageQuerySet], dict[object, int]]:
    def count_conditions(images: ImageQuerySet) -> dict[object, int]:
        counted = {f"n{value}": Count("pk", filter=condition) for value, condition in conditions().items()}
        counts = images.aggregate(total=Count("pk"), **counted)
        return {None: counts.pop("total"), **{int(name[1:]): count for name, count in counts.items()}}

    return count_conditions


_COUNTERS = {
    "collection": _value_counter("collection"),
    "tag": _value_counter("tags"),
    "format": _value_counter("format"),
    "status": _value_counter("status"),
    "min_side": _condition_counter(lambda: {side: Q(width__gte=side, height__gte=side) for side in MIN_SIDE_CHOICES}),
    "added_within": _condition_counter(
        lambda: {days: Q(created_at__gte=days_ago(days)) for days in ADDED_WITHIN_CHOICES}
    ),
}
