"""What workers are told to do. Each may come late, twice or never, and is right all the same."""

from celery import shared_task
from celery.signals import worker_ready
from celery.utils.log import get_task_logger

from catalog.services import imports, indexing, queries, rebuilding, store

logger = get_task_logger(__name__)


@shared_task
def index_pending() -> None:
    indexing.index_pending()


@shared_task
def run_import(pk: int) -> None:
    imports.run(pk)


@shared_task
def catch_up() -> None:
    """Do what is waiting, whoever forgot to tell."""
    imports.run_waiting()
    indexing.index_pending()
    rebuilding.tidy()


@shared_task
def sweep() -> None:
    queries.sweep()
    imports.sweep()
    store.sweep()


@worker_ready.connect
def catch_up_at_start(**_: object) -> None:
    catch_up.delay()
