"""How many images each choice of a filter would leave, the other choices being as they are."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q

from catalog.querysets import ImageQuerySet
from catalog.services.filters import Filters, since

# Choices of how long a picture's shorter side is at least, in pixels, and of how many days ago it came at most.
SIDES = (400, 800, 1600, 3200)
DAYS = (1, 7, 30, 365)

# By field: the images that there are at all, under None, and those of each choice.
Counts = dict[str, dict[object, int]]

# Of so many images on, counting takes longer than searching: counts then stand for some seconds.
MANY, STAND_FOR = 50_000, 30


# What a field's own choice is without one.
_WITHOUT: dict[str, dict[str, Any]] = {
    "collection": {"collection": None},
    "tag": {"tags": ()},
    "format": {"format": ""},
    "least_side": {"least_side": 0},
    "added_within": {"added_within": 0},
    "status": {},
}


def count(fields: Iterable[str], filters: Filters, status: str) -> Counts:
    """The counts of the choices of those fields that have any.

    Args:
        status: of the images that are listed; empty for all.
    """
    return {
        field: _of(replace(filters, **_WITHOUT[field]), "" if field == "status" else status, field)
        for field in fields
        if field in _WITHOUT
    }


def _of(filters: Filters, status: str, field: str) -> dict[object, int]:
    key = f"facet-{field}-{status}-{sha256(repr(filters).encode()).hexdigest()}"
    known = cache.get(key)
    if known is not None:
        return known
    images = filters.images().order_by()
    counted = _COUNTING[field](images.filter(status=status) if status else images)
    if counted[None] >= MANY:
        cache.set(key, counted, STAND_FOR)
    return counted


def _by_value(column: str) -> Callable[[ImageQuerySet], dict[object, int]]:
    def counted(images: ImageQuerySet) -> dict[object, int]:
        return {**dict(images.values_list(column).annotate(Count("pk"))), None: images.count()}

    return counted


def _by_condition(conditions: Callable[[], dict[object, Q]]) -> Callable[[ImageQuerySet], dict[object, int]]:
    def counted(images: ImageQuerySet) -> dict[object, int]:
        of_each = {f"n{choice}": Count("pk", filter=condition) for choice, condition in conditions().items()}
        answer = images.aggregate(every=Count("pk"), **of_each)
        return {None: answer.pop("every"), **{int(name[1:]): number for name, number in answer.items()}}

    return counted


_COUNTING = {
    "collection": _by_value("collection"),
    "tag": _by_value("tags"),
    "format": _by_value("format"),
    "status": _by_value("status"),
    "least_side": _by_condition(lambda: {side: Q(width__gte=side, height__gte=side) for side in SIDES}),
    "added_within": _by_condition(lambda: {days: Q(created_at__gte=since(days)) for days in DAYS}),
}
