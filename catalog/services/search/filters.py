"""Filters: the conditions that images must meet to be searched or listed."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

import numpy as np
from django.utils import timezone

from catalog.models import Collection, Image, Tag
from catalog.querysets import ImageQuerySet

# Near the ends of the calendar some days do not exist in every time zone: dates are limited to this range.
MIN_DATE, MAX_DATE = date(1900, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Conditions that an image must all meet. By default there are none.

    Attributes:
        collection: the image belongs to it.
        tags: the image has all of them.
        words: each one occurs in the title, the file name, the collection or a tag.
        format: a value of `Image.format`.
        added_from, added_to: the first and the last day on which the image was added, in the site's time zone.
        added_within: the image was added at most this many days ago.
        min_side: the minimum length of the shorter side, in pixels.
        after_id: the image has a greater id: it was added after that image.
    """

    collection: Collection | None = None
    tags: tuple[Tag, ...] = ()
    words: str = ""
    format: str = ""
    added_from: date | None = None
    added_to: date | None = None
    added_within: int = 0
    min_side: int = 0
    after_id: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def images(self) -> ImageQuerySet:
        """Return the images that meet all conditions, of any status."""
        queryset: ImageQuerySet = (
            Image.objects.in_collection(self.collection).with_tags(*self.tags).matching_words(self.words)
        )
        if self.format:
            queryset = queryset.filter(format=self.format)
        if self.added_from:
            queryset = queryset.filter(created_at__gte=_aware_datetime(self.added_from, time.min))
        if self.added_to:
            queryset = queryset.filter(created_at__lte=_aware_datetime(self.added_to, time.max))
        if self.added_within:
            queryset = queryset.filter(created_at__gte=days_ago(self.added_within))
        if self.min_side:
            queryset = queryset.filter(width__gte=self.min_side, height__gte=self.min_side)
        if self.after_id:
            queryset = queryset.filter(pk__gt=self.after_id)
        return queryset

    def image_ids(self) -> np.ndarray | None:
        """Return the ids of the images that meet all conditions (int64, n), or None if there are no conditions.

        Images that are not indexed may be among them: they have no row in any segment, so no search finds them.
        """
        return self.images().ids() if self else None


def days_ago(days: int) -> datetime:
    """Return the time `days` days before now."""
    return timezone.now() - timedelta(days=days)


def _aware_datetime(day: date, time_of_day: time) -> datetime:
    return timezone.make_aware(datetime.combine(min(max(day, MIN_DATE), MAX_DATE), time_of_day))
