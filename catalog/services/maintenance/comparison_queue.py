"""Requested comparisons of networks: rows that workers run as jobs, and whose progress staff can follow."""

from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.db import transaction

from catalog.exceptions import CatalogueBusy, ImageSearchError
from catalog.models import NetworkComparison
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction
from catalog.services.jobs import dispatch
from catalog.services.jobs.progress import EXTRACTING
from catalog.services.jobs.queue import JobQueue, record_progress
from catalog.services.maintenance import network_comparison
from catalog.services.maintenance.comparison_samples import choose_sample

# A comparison fails if its worker died this often.
MAX_ATTEMPTS = 3


def enqueue(*, labels: str = "", sample: int, user: Any) -> NetworkComparison:
    """Request a comparison, for a worker to run.

    Args:
        labels: one of `image_labels.LABEL_KINDS`; empty for those that the catalogue has.
        sample: the largest number of images.
        user: the account that requests it, or None.

    Raises:
        CatalogueBusy: a comparison is running or has been requested already.
        ImageSearchError: there are too few images or labels.
    """
    choose_sample(labels or None, sample)
    if QUEUE.unfinished().exists():
        raise CatalogueBusy("The networks are already being compared. Try again when the comparison has finished.")
    with transaction.atomic():
        comparison = NetworkComparison.objects.create(labels=labels, sample=sample, created_by=user)
        audit.record(Action.REQUESTED, comparison, target=f"network comparison {comparison.pk}")
        dispatch.notify_comparison()
    return comparison


def run_waiting() -> None:
    """Run every requested comparison that no other worker runs."""
    QUEUE.run(QUEUE.unfinished())


def _execute(comparison: NetworkComparison) -> None:
    result = network_comparison.compare(
        comparison.labels or None, comparison.sample, progress=record_progress(comparison, _index_pending)
    )
    NetworkComparison.objects.filter(pk=comparison.pk).update(result=result.as_json())


def _index_pending(phase: str) -> None:
    if phase == EXTRACTING:  # not while networks are timed
        extraction.index_pending_between_steps()


QUEUE = JobQueue(NetworkComparison, _execute, max_attempts=MAX_ATTEMPTS, permanent_errors=(ImageSearchError,))
