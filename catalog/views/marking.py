"""More of this, less of this: what somebody marked among the results, as an address holds it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

from catalog.models import Image
from catalog.services.refining import MOST_MARKED, Marked

WAYS = ("more", "less")


@dataclass(frozen=True)
class Marks:
    """The images that are marked, in the order in which they were."""

    more: list[Image]
    less: list[Image]

    def __bool__(self) -> bool:
        return bool(self.more or self.less)

    def marked(self) -> Marked:
        """What a search takes."""
        return Marked(tuple(image.pk for image in self.more), tuple(image.pk for image in self.less))


def marks_of(request: HttpRequest) -> Marks:
    """What an address marks; what is not there, or too much, counts for nothing."""
    chosen = {way: _ids(request.GET, way) for way in WAYS}
    images = Image.objects.for_cards().in_bulk({pk for ids in chosen.values() for pk in ids})
    return Marks(*([images[pk] for pk in chosen[way] if pk in images] for way in WAYS))


def toggled(request: HttpRequest) -> str | None:
    """The address after what a button of a result asked for, such as `mark=more-12`; None where none was pressed."""
    if "mark" not in request.GET:
        return None
    query = request.GET.copy()
    way, _, number = str(query.pop("mark")[-1]).partition("-")
    query.pop("page", None)
    if way in WAYS and number.isascii() and number.isdecimal():
        pk = int(number[:15])
        was = pk in _ids(query, way)
        for one in WAYS:
            _set(query, one, (other for other in _ids(query, one) if other != pk))
        if not was:
            _set(query, way, [*_ids(query, way), pk])
    return f"{request.path}?{query.urlencode(safe=',')}".rstrip("?")


def _ids(query: QueryDict, way: str) -> list[int]:
    numbers = [one for one in query.get(way, "").split(",") if one.isascii() and one.isdecimal() and len(one) < 16]
    return [int(one) for one in dict.fromkeys(numbers)][:MOST_MARKED]


def _set(query: QueryDict, way: str, ids: Iterable[int]) -> None:
    query[way] = ",".join(map(str, ids))
    if not query[way]:
        del query[way]
