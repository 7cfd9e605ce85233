"""What a search, or a list, is narrowed to."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time

import numpy as np
from django.utils import timezone

from catalog.models import Collection, Image, Tag
from catalog.querysets import ImageQuerySet

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True)
class Filters:
    """Nothing set means everything; what is set must all be so.

    Attributes:
        tags: an image carries every one.
        words: each stands in its title, file name, collection or tags.
        format: as `Image.format` has it.
        added_from, added_to: days, both included, in the site's time zone.
        least_side: pixels that its shorter side has at least.
    """

    collection: Collection | None = None
    tags: tuple[Tag, ...] = ()
    words: str = ""
    format: str = ""
    added_from: date | None = None
    added_to: date | None = None
    least_side: int = 0

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
        if self.least_side:
            passing = passing.filter(width__gte=self.least_side, height__gte=self.least_side)
        return passing

    def image_ids(self) -> np.ndarray | None:
        """int64: the images that pass, or None where all do. What is not searchable has no row to be found by."""
        return self.images().ids() if self else None


def _at(day: date, moment: time) -> datetime:
    within = min(max(day, EARLIEST), LATEST)  # of days near the ends of the calendar not every time zone has a moment
    return timezone.make_aware(datetime.combine(within, moment))
