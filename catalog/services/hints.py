"""Telling a worker that there is work. Only a hint: the work itself is in the database."""

import logging

from django.db import transaction

logger = logging.getLogger(__name__)


def work_is_waiting() -> None:
    """Tell a worker, after the commit, to index what is pending."""
    from catalog.tasks import index_pending

    transaction.on_commit(lambda: _send(index_pending))


def import_is_waiting(pk: int) -> None:
    """Tell a worker, after the commit, to run a bulk import."""
    from catalog.tasks import run_import

    transaction.on_commit(lambda: _send(run_import, pk))


def rebuild_is_waiting() -> None:
    """Tell a worker, after the commit, to rebuild the index."""
    from catalog.tasks import run_rebuilds

    transaction.on_commit(lambda: _send(run_rebuilds))


def _send(task, *args: int) -> None:  # type: ignore[no-untyped-def]
    try:
        task.delay(*args)
    except Exception as fault:  # every transport has its own faults; none of them may undo what was accepted
        logger.warning("No worker could be told of new work (%s); it will be found within a minute.", fault)
