"""Chainable filters of the catalogue."""

import json
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from django.db import models
from django.db.models import Q


class Together(models.Aggregate):
    """All values in one answer, which takes a fraction of the time that a row for each does."""

    function = "JSON_GROUP_ARRAY"
    output_field = models.TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="ARRAY_AGG", **context)


class ClaimQuerySet(models.QuerySet):
    """Rows that are a queue: a worker claims some with one conditional UPDATE and works on what it got."""

    def unclaimed(self, now: datetime) -> Self:
        return self.filter(Q(claim="") | Q(claim_expires_at__lte=now))

    def claim(self, owner: str, now: datetime, lasting: timedelta, most: int) -> list:
        """Give up to `most` of these rows to `owner` and return those it got. Safe against others doing the same."""
        chosen = list(self.unclaimed(now).values_list("pk", flat=True)[:most])
        # The UPDATE asks every condition again: rows that another took meanwhile stay with that one.
        self.filter(pk__in=chosen).unclaimed(now).update(
            claim=owner, claim_expires_at=now + lasting, attempts=models.F("attempts") + 1
        )
        # Without this queue's own conditions, which the claim itself may have ended.
        ours = self.model._default_manager.filter(claim=owner).in_bulk(chosen)
        return [ours[pk] for pk in chosen if pk in ours]

    def release(self, owner: str) -> int:
        """Let go of whatever `owner` holds."""
        return self.filter(claim=owner).update(claim="", claim_expires_at=None)

    def hand_back(self, owner: str) -> int:
        """Let go of whatever `owner` holds as if it had never tried."""
        return self.filter(claim=owner).update(claim="", claim_expires_at=None, attempts=models.F("attempts") - 1)


class ImageQuerySet(ClaimQuerySet):
    def pending(self) -> Self:
        return self.filter(status="pending")

    def indexed(self) -> Self:
        return self.filter(status="indexed")

    def failed(self) -> Self:
        return self.filter(status="failed")

    def in_queue_order(self) -> Self:
        """Fresh images first, so that one that keeps stopping its worker holds up nobody else."""
        return self.order_by("attempts", "pk")

    def in_collection(self, collection: Any) -> Self:
        return self.filter(collection=collection) if collection else self

    def tagged(self, *tags: Any) -> Self:
        """Images that carry every one of `tags`."""
        found = self
        for tag in tags:
            found = found.filter(tags=tag)
        return found

    def with_words(self, text: str) -> Self:
        """Images with every word of `text` in their title, file name, collection or tags."""
        found = self
        for word in text.split():
            tagged = self.model._default_manager.filter(tags__name__icontains=word).values("pk")
            found = found.filter(
                Q(title__icontains=word)
                | Q(source__icontains=word)
                | Q(collection__name__icontains=word)
                | Q(pk__in=tagged)
            )
        return found

    def ids(self) -> np.ndarray:
        """Their primary keys, int64, in no order."""
        found = self.order_by().aggregate(ids=Together("pk"))["ids"]
        return np.array(json.loads(found) if isinstance(found, str) else found or [], np.int64)

    def for_cards(self) -> Self:
        """With what a thumbnail's card shows, in a fixed number of queries."""
        return self.select_related("collection")
