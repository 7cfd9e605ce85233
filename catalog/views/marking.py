"""More of this, less of this: what somebody marked, as an address holds it.

`more=12,8,…&less=…` name images of the catalogue by their numbers, and further photos by their tokens.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.http import HttpRequest, QueryDict

from catalog.models import Image
from catalog.services import queries
from catalog.services.refining import MOST_MARKED, Marked

WAYS = ("more", "less")
NUMBER, TOKEN = re.compile(r"[0-9]{1,15}", re.ASCII), re.compile(r"[A-Za-z0-9_-]{16,40}", re.ASCII)


@dataclass(frozen=True)
class Mark:
    """One picture that is marked: an image of the catalogue by its number, or a photo by its token."""

    key: str
    label: str
    picture_url: str
    vector: np.ndarray | None = None


@dataclass(frozen=True)
class Marks:
    """The pictures that are marked, in the order in which they were."""

    more: list[Mark]
    less: list[Mark]

    def __bool__(self) -> bool:
        return bool(self.more or self.less)

    def more_ids(self) -> tuple[int, ...]:
        return tuple(int(mark.key) for mark in self.more if mark.vector is None)

    def less_ids(self) -> tuple[int, ...]:
        return tuple(int(mark.key) for mark in self.less if mark.vector is None)

    def marked(self) -> Marked:
        """What a search takes."""
        photos, unlike = (
            tuple(mark.vector for mark in marks if mark.vector is not None) for marks in (self.more, self.less)
        )
        return Marked(self.more_ids(), self.less_ids(), photos, unlike)


def marks_of(query: QueryDict) -> Marks:
    """What an address marks; what is not there any more, or too much, counts for nothing."""
    keys = {way: _keys(query, way) for way in WAYS}
    every = [key for way in WAYS for key in keys[way]]
    images = Image.objects.for_cards().in_bulk({int(key) for key in every if NUMBER.fullmatch(key)})
    found = {str(image.pk): Mark(str(image.pk), image.label, image.thumbnail_url) for image in images.values()}
    for photo in queries.still_kept([key for key in every if not NUMBER.fullmatch(key)]):
        found[photo.token] = Mark(photo.token, photo.label, photo.picture_url, queries.descriptor_of(photo).vector)
    return Marks(*([found[key] for key in keys[way] if key in found] for way in WAYS))


def toggled(request: HttpRequest) -> str | None:
    """The address after what a button asked for, such as `mark=more-12`; None where none was pressed."""
    if "mark" not in request.GET:
        return None
    query = request.GET.copy()
    way, _, key = str(query.pop("mark")[-1]).partition("-")
    query.pop("page", None)
    if way in WAYS and _is_key(key):
        was = key in _keys(query, way)
        for one in WAYS:
            _set(query, one, (other for other in _keys(query, one) if other != key))
        if not was:
            _set(query, way, [*_keys(query, way), key])
    return address(request.path, query)


def with_photo(path: str, query: QueryDict, token: str) -> str:
    """The address of a search to which a photo was added."""
    query = query.copy()
    query.pop("page", None)
    _set(query, "more", [*_keys(query, "more"), token])
    return address(path, query)


def photo_tokens(query: QueryDict) -> list[str]:
    """The photos that an address marks."""
    return [key for way in WAYS for key in _keys(query, way) if not NUMBER.fullmatch(key)]


def address(path: str, query: QueryDict) -> str:
    return f"{path}?{query.urlencode(safe=',')}".rstrip("?")


def _is_key(text: str) -> bool:
    return bool(NUMBER.fullmatch(text) or TOKEN.fullmatch(text))


def _keys(query: QueryDict, way: str) -> list[str]:
    keys = [str(int(key)) if NUMBER.fullmatch(key) else key for key in query.get(way, "").split(",") if _is_key(key)]
    return list(dict.fromkeys(keys))[:MOST_MARKED]


def _set(query: QueryDict, way: str, keys: Iterable[str]) -> None:
    query[way] = ",".join(keys)
    if not query[way]:
        del query[way]
