"""Who works on what: claims on rows, kept alive by their holder's life and, across machines, by a clock."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db.models import Model
from django.utils import timezone

from catalog import locks
from catalog.models import Claimable
from catalog.querysets import ClaimQuerySet

# For holders on other machines, whose death cannot be seen: longer than any batch takes to describe.
LASTING = timedelta(minutes=10)


@contextmanager
def owner(*models: type[Model]) -> Iterator[str]:
    """A name to claim rows of `models` under. What it still holds afterwards is let go of.

    The name is backed by a lock that the kernel drops when this process dies, however it dies: see
    `any_free`.
    """
    name = f"{_machine()}:{uuid4().hex}"
    place = _lock_of(name)
    with locks.held(place):
        try:
            yield name
        finally:
            for model in models:
                model._default_manager.release(name)  # type: ignore[attr-defined]
            place.unlink(missing_ok=True)


def any_free(queue: ClaimQuerySet) -> bool:
    """Whether rows of `queue` can be claimed, those of holders that have died among them."""
    release_the_dead(queue.model)
    return queue.unclaimed(timezone.now()).exists()


def claim(queue: ClaimQuerySet, owner: str, most: int) -> list:
    """Claim up to `most` rows of `queue` for `owner` and return them; none means that none are free."""
    while queue.unclaimed(timezone.now()).exists():
        # Others may take all that were chosen, between choosing and claiming: then choose again.
        if rows := queue.claim(owner, timezone.now(), LASTING, most):
            return rows
    return []


def renew(row: Claimable) -> None:
    """Hold on to a claimed row for as long again."""
    type(row)._default_manager.filter(pk=row.pk, claim=row.claim).update(claim_expires_at=timezone.now() + LASTING)


def release_the_dead(model: type[Model]) -> None:
    """Let go of what processes of this machine held that are no more, so that others take over at once."""
    rows = model._default_manager
    for name in rows.filter(claim__startswith=f"{_machine()}:").values_list("claim", flat=True).distinct():
        if not locks.is_held(_lock_of(name)):
            rows.release(name)  # type: ignore[attr-defined]
            _lock_of(name).unlink(missing_ok=True)


def _machine() -> str:
    return socket.gethostname()[:60]


def _lock_of(name: str) -> Path:
    return settings.LOCKS_DIR / "claims" / f"{name.rpartition(':')[2]}.lock"
