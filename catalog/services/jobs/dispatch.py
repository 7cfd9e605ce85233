"""Notifications for the workers. They are only hints: the work itself is in the database.

Tasks are sent by name, so that services do not depend on `catalog.tasks`.
"""

import logging

from celery import current_app
from django.db import transaction

from catalog.services.jobs.pause import Pause

logger = logging.getLogger(__name__)

INDEX_PENDING_TASK = "catalog.tasks.index_pending"
RUN_IMPORT_TASK = "catalog.tasks.run_import"
RUN_REBUILDS_TASK = "catalog.tasks.run_rebuilds"
RUN_COMPARISONS_TASK = "catalog.tasks.run_comparisons"

PAUSE = Pause(seconds=10)


def notify_pending_images() -> None:
    """After the commit, have a worker index the pending images."""
    transaction.on_commit(lambda: _enqueue(INDEX_PENDING_TASK))


def notify_import(pk: int) -> None:
    """After the commit, have a worker run a bulk import."""
    transaction.on_commit(lambda: _enqueue(RUN_IMPORT_TASK, pk))


def notify_rebuild() -> None:
    """After the commit, have a worker run the requested rebuild."""
    transaction.on_commit(lambda: _enqueue(RUN_REBUILDS_TASK))


def notify_comparison() -> None:
    """After the commit, have a worker run the requested comparison of networks."""
    transaction.on_commit(lambda: _enqueue(RUN_COMPARISONS_TASK))


def _enqueue(task_name: str, *args: int) -> None:
    """Send a task, unless the broker failed just now: whoever uploads many pictures waits for it once."""
    if PAUSE.is_on():
        return
    try:
        current_app.send_task(task_name, args)
    except Exception as error:  # every transport has its own exceptions; none may undo what was committed
        PAUSE.begin()
        logger.warning("Could not notify a worker (%s). Workers find new work by themselves within a minute.", error)
