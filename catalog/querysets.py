"""Chainable filters of images, and of rows that serve as a queue."""

import json
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from django.db import models
from django.db.models import Q
from django.utils import timezone


class JsonArrayAgg(models.Aggregate):
    """All values of a column as one JSON array: much faster than a Python row for each value."""

    function = "JSON_GROUP_ARRAY"
    output_field = models.TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # untyped in Django
        return self.as_sql(compiler, connection, function="ARRAY_AGG", **context)


class LeaseQuerySet(models.QuerySet):
    """Rows that serve as a queue: a worker leases some with one conditional UPDATE."""

    def available(self, now: datetime) -> Self:
        """Rows that nobody has leased, or whose lease has expired."""
        return self.filter(Q(lease_owner="") | Q(lease_expires_at__lte=now))

    def lease(self, owner: str, now: datetime, duration: timedelta, limit: int) -> list:
        """Lease up to `limit` of these rows to `owner` and return the rows leased. Safe against concurrent callers."""
        candidate_ids = list(self.available(now).values_list("pk", flat=True)[:limit])
        # The UPDATE repeats every condition, so that rows leased by another process in the meantime stay with it.
        self.filter(pk__in=candidate_ids).available(now).update(
            lease_owner=owner, lease_expires_at=now + duration, attempts=models.F("attempts") + 1
        )
        # Not `self`: its conditions may no longer hold once the rows are leased.
        leased = self.model._default_manager.filter(lease_owner=owner).in_bulk(candidate_ids)
        return [leased[pk] for pk in candidate_ids if pk in leased]

    def release(self, owner: str) -> int:
        """End every lease of `owner`."""
        return self.filter(lease_owner=owner).update(lease_owner="", lease_expires_at=None)

    def release_without_attempt(self, owner: str) -> int:
        """End every lease of `owner` and do not count the attempt."""
        return self.filter(lease_owner=owner).update(
            lease_owner="", lease_expires_at=None, attempts=models.F("attempts") - 1
        )


class ImageQuerySet(LeaseQuerySet):
    def pending(self) -> Self:
        return self.filter(status="pending")

    def indexed(self) -> Self:
        return self.filter(status="indexed")

    def failed(self) -> Self:
        return self.filter(status="failed")

    def waiting_since(self) -> datetime | None:
        """When the first of the pending images became pending; None if there are none."""
        return self.pending().order_by("pending_since").values_list("pending_since", flat=True).first()

    def set_pending(self) -> int:
        """Have workers index these images again. Returns their number."""
        return self.update(status="pending", pending_since=timezone.now(), failure_reason="", attempts=0)

    def order_by_attempts(self) -> Self:
        """Images with few attempts first, so that a picture that crashes its worker does not delay the others."""
        return self.order_by("attempts", "pk")

    def in_collection(self, collection: models.Model | None) -> Self:
        return self.filter(collection=collection) if collection else self

    def with_tags(self, *tags: models.Model | int) -> Self:
        """Images with all of `tags`."""
        queryset = self
        for tag in tags:
            queryset = queryset.filter(tags=tag)
        return queryset

    def matching_words(self, text: str) -> Self:
        """Images with every word of `text` in their title, file name, collection or tags."""
        queryset = self
        for word in text.split():
            tagged_images = self.model._default_manager.filter(tags__name__icontains=word).values("pk")
            queryset = queryset.filter(
                Q(title__icontains=word)
                | Q(source__icontains=word)
                | Q(collection__name__icontains=word)
                | Q(pk__in=tagged_images)
            )
        return queryset

    def ids(self) -> np.ndarray:
        """The primary keys, int64, in no particular order."""
        values = self.order_by().aggregate(ids=JsonArrayAgg("pk"))["ids"]
        return np.array(json.loads(values) if isinstance(values, str) else values or [], np.int64)

    def for_tiles(self) -> Self:
        """With the related rows that a tile of the results grid shows."""
        return self.select_related("collection")
