"""What a search, or a list, is narrowed to."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

import numpy as np
from django.utils import timezone

from catalog.models import Collection, Image, Tag
from catalog.querysets import ImageQuerySet

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Nothing set means everything; what is set must all be so.

    Attributes:
        tags: an image carries every one.
        words: each stands in its title, file name, collection or tags.
        format: as `Image.format` has it.
        added_from, added_to: days, both included, in the site's time zone.
        added_within: so many days ago at most.
        least_side: pixels that its shorter side has at least.
        after: images that came later than the one of this number.
    """

    collection: Collection | None = None
    tags: tuple[Tag, ...] = ()
    words: str = ""
    format: str = ""
    added_from: date | None = None
    added_to: date | None = None
    added_within: int = 0
    least_side: int = 0
    after: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def images(self) -> ImageQuerySet:
        """The images that pass, whatever their status."""
        passing: ImageQuerySet = Image.objects.in_collection(self.collection).tagged(*self.tags).with_words(self.words)
        if self.format:
            passing = passing.filter(format=self.format)
        if self.added_from:
            passing = passing.filter(created_at__gte=_at(self.added_from, time.min))
        if self.added_to:
            passing = passing.filter(created_at__lte=_at(self.added_to, time.max))
        if self.added_within:
            passing = passing.filter(created_at__gte=since(self.added_within))
        if self.least_side:
            passing = passing.filter(width__gte=self.least_side, height__gte=self.least_side)
        if self.after:
            passing = passing.filter(pk__gt=self.after)
        return passing

    def image_ids(self) -> np.ndarray | None:
        """int64: the images that pass, or None where all do. What is not searchable has no row to be found by."""
        return self.images().ids() if self else None


def since(days: int) -> datetime:
    """So many days ago."""
    return timezone.now() - timedelta(days=days)


def _at(day: date, moment: time) -> datetime:
    within = min(max(day, EARLIEST), LATEST)  # of days near the ends of the calendar not every time zone has a moment
    return timezone.make_aware(datetime.combine(within, moment))
