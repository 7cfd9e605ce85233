"""Leases on rows: a worker leases the rows that it works on, so that no other worker takes them.

A lease ends when its owner releases it or dies. On the same machine a lock file shows whether the owner is alive.
Owners on other machines are presumed dead when their lease expires.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db.models import Model
from django.utils import timezone

from catalog import locks
from catalog.models import Leasable
from catalog.querysets import LeaseQuerySet

# Longer than the extraction of any batch takes: only the expiry ends the leases of a dead owner on another machine.
LEASE_DURATION = timedelta(minutes=10)


@dataclass(frozen=True)
class Lease:
    """The lease that a new row is inserted with.

    Attributes:
        owner: name from `lease_owner`.
        expires_at: when other workers may take the row.
        attempts: how often the row has been leased, this lease included.
    """

    owner: str
    expires_at: datetime
    attempts: int = 1

    def apply_to(self, row: Leasable) -> None:
        """Set the lease fields of `row`, which is not saved."""
        row.lease_owner = self.owner
        row.lease_expires_at = self.expires_at
        row.attempts = self.attempts


def new_lease(owner: str) -> Lease:
    """A lease of `owner` that starts now."""
    return Lease(owner, timezone.now() + LEASE_DURATION)


@contextmanager
def lease_owner(*models: type[Model]) -> Iterator[str]:
    """Yield a unique name that leases rows of `models`; release the leases that are left at the end of the block.

    The name has a lock file. The kernel drops the lock when the process dies, and `release_stale` then releases the
    rows.
    """
    name = f"{_hostname()}:{uuid4().hex}"
    lock_path = _lock_path(name)
    with locks.file_lock(lock_path):
        try:
            yield name
        finally:
            for model in models:
                model._default_manager.release(name)  # type: ignore[attr-defined]  # the manager of a LeaseQuerySet
            lock_path.unlink(missing_ok=True)


def any_available(queue: LeaseQuerySet) -> bool:
    """Whether rows of `queue` can be leased, including those of dead owners."""
    release_stale(queue.model)
    return queue.available(timezone.now()).exists()


def lease(queue: LeaseQuerySet, owner: str, limit: int) -> list:
    """Lease up to `limit` rows of `queue` for `owner` and return them. The list is empty if no row is available."""
    while queue.available(timezone.now()).exists():
        # Other workers may lease all chosen rows between the SELECT and the UPDATE. Choose again in that case.
        if rows := queue.lease(owner, timezone.now(), LEASE_DURATION, limit):
            return rows
    return []


def renew(row: Leasable) -> None:
    """Extend the lease on `row` by `LEASE_DURATION` from now, unless another owner has taken the row."""
    type(row)._default_manager.filter(pk=row.pk, lease_owner=row.lease_owner).update(
        lease_expires_at=timezone.now() + LEASE_DURATION
    )


def release_stale(model: type[Model]) -> None:
    """Release the rows of dead processes of this machine, so that others need not wait until the leases expire."""
    rows = model._default_manager
    for name in rows.filter(lease_owner__startswith=f"{_hostname()}:").values_list("lease_owner", flat=True).distinct():
        if not locks.is_locked(_lock_path(name)):
            rows.release(name)  # type: ignore[attr-defined]  # the manager of a LeaseQuerySet
            _lock_path(name).unlink(missing_ok=True)


def delete_unused_locks(min_age_seconds: float) -> int:
    """Delete the lock files of processes that died at least so long ago, and return how many there were."""
    cutoff = time.time() - min_age_seconds
    unused = [path for path in _locks_dir().glob("*.lock") if _is_older(path, cutoff) and not locks.is_locked(path)]
    for path in unused:
        path.unlink(missing_ok=True)
    return len(unused)


def _is_older(path: Path, cutoff: float) -> bool:
    with suppress(FileNotFoundError):  # its owner has just ended
        return path.stat().st_mtime < cutoff
    return False


def _hostname() -> str:
    return socket.gethostname()[:60]


def _lock_path(name: str) -> Path:
    return _locks_dir() / f"{name.rpartition(':')[2]}.lock"


def _locks_dir() -> Path:
    return settings.LOCKS_DIR / "leases"
