"""What workers are told to do. Each may come late, twice or never, and is right all the same."""

from collections.abc import Callable

from celery import shared_task
from celery.signals import worker_ready
from celery.utils.log import get_task_logger

from catalog.exceptions import ImageSearchError
from catalog.services import database, imports, indexing, layouts, orphans, queries, rebuilding, wanted_rebuilds

logger = get_task_logger(__name__)


@shared_task
def index_pending() -> None:
    for work in (indexing.index_pending, rebuilding.keep_up):
        _told(work)


@shared_task
def run_import(pk: int) -> None:
    _told(imports.run, pk)
    _told(rebuilding.keep_up)


@shared_task
def run_rebuilds() -> None:
    _told(wanted_rebuilds.run_waiting)


@shared_task
def catch_up() -> None:
    """Do what is waiting, whoever forgot to tell."""
    for work in (
        imports.run_waiting,
        indexing.index_pending,
        wanted_rebuilds.run_waiting,
        rebuilding.keep_up,
        layouts.keep_up,
    ):
        _told(work)


@shared_task
def sweep() -> None:
    for work in (queries.sweep, imports.sweep, orphans.sweep, rebuilding.sweep):
        _told(work)


@worker_ready.connect
def catch_up_at_start(**_: object) -> None:
    catch_up.delay()


def _told(work: Callable, *args: int) -> None:
    """Do it; a fault that a person can mend is a line in the log, and the work is tried again in its time."""
    try:
        work(*args)
    except ImageSearchError as fault:
        logger.error("%s", fault)
    except database.FAULTS as fault:
        logger.error("%s", database.explained(fault))
