"""What searches and lists are narrowed to, as the API takes it."""

from datetime import date

from ninja import Field, Schema
from ninja.errors import HttpError

from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Collection, Tag
from catalog.services.filters import Filters

LARGEST_SIDE = 2**31 - 1


class Narrowing(Schema):
    """All that is given must be so."""

    collection: str = Field("", description="a collection's name")
    tags: list[str] = Field([], description="names of tags; an image carries every one")
    q: str = Field("", max_length=200, description="words, each in the title, file name, collection or tags")
    format: str = Field("", description=", ".join(MEDIA_TYPES))
    added_from: date | None = Field(None, description="the first day, in the site's time zone")
    added_to: date | None = Field(None, description="the last day")
    least_side: int = Field(0, ge=0, le=LARGEST_SIDE, description="pixels that the shorter side has at least")

    def filters(self) -> Filters:
        """Raises HttpError 404 for a name that is not there, 422 for a format."""
        if self.format and self.format.upper() not in MEDIA_TYPES:
            raise HttpError(422, f"format is {self.format!r}; it takes {', '.join(MEDIA_TYPES)}.")
        return Filters(
            collection=_named(Collection, self.collection) if self.collection else None,
            tags=tuple(_named(Tag, name) for name in self.tags if name),
            words=self.q.replace("\x00", ""),
            format=self.format.upper(),
            added_from=self.added_from,
            added_to=self.added_to,
            least_side=self.least_side,
        )


def _named(model, name: str):  # type: ignore[no-untyped-def]
    found = model.objects.filter(name=name.replace("\x00", "")).first()
    if found is None:
        raise HttpError(404, f"There is no {model._meta.verbose_name} named {name!r}.")
    return found
