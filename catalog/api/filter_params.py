"""The parameters that filter searches and lists."""

import re
from datetime import date
from typing import Annotated, TypeVar

from ninja import Field, Schema
from ninja.errors import HttpError
from pydantic import BeforeValidator

from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Collection, Tag
from catalog.services.search.filters import Filters

MAX_SIDE_PIXELS = 2**31 - 1
MAX_TAGS = 10


def _check_format(value: object) -> object:
    """Refuse numbers, which pydantic would take for seconds since 1970."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("a date is written YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_check_format)]
NamedModel = TypeVar("NamedModel", Collection, Tag)


class FilterParams(Schema):
    """Conditions that an image must all meet."""

    collection: str = Field("", description="Only images of the collection with this name.")
    tags: list[str] = Field([], description=f"Only images that have all tags with these names, at most {MAX_TAGS}.")
    q: str = Field(
        "",
        max_length=200,
        description="Only images with each of these words in the title, the file name, the collection or a tag.",
    )
    format: str = Field("", description=f"Only images of this file format: {', '.join(MEDIA_TYPES)}.")
    added_from: Day | None = Field(
        None, description="Only images added on or after this day, in the time zone of the site."
    )
    added_to: Day | None = Field(
        None, description="Only images added on or before this day, in the time zone of the site."
    )
    least_side: int = Field(
        0, ge=0, le=MAX_SIDE_PIXELS, description="Only images whose shorter side has at least this many pixels."
    )

    def filters(self) -> Filters:
        """Raises HttpError: 404 for an unknown collection or tag, 422 for an unknown format or too many tags."""
        tag_names = list(dict.fromkeys(name for name in self.tags if name))
        if len(tag_names) > MAX_TAGS:
            raise HttpError(422, f"tags: {len(tag_names)} tags. Use at most {MAX_TAGS}.")
        if self.format and self.format.upper() not in MEDIA_TYPES:
            raise HttpError(422, f"Unknown format {self.format!r}. Use one of {', '.join(MEDIA_TYPES)}.")
        return Filters(
            collection=_get_by_name(Collection, self.collection) if self.collection else None,
            tags=tuple(_get_by_name(Tag, name) for name in tag_names),
            words=self.q.replace("\x00", ""),
            format=self.format.upper(),
            added_from=self.added_from,
            added_to=self.added_to,
            min_side=self.least_side,
        )


def _get_by_name(model: type[NamedModel], name: str) -> NamedModel:
    instance = model.objects.filter(name=name.replace("\x00", "")).first()
    if instance is None:
        raise HttpError(404, f"There is no {model._meta.verbose_name} named {name!r}.")
    return instance
