"""Celery tasks. Each may run late, twice or not at all: the work to do is in the database."""

from collections.abc import Callable

from celery import shared_task
from celery.signals import after_task_publish, beat_init, worker_ready
from celery.utils.log import get_task_logger
from django.contrib.sessions.backends.db import SessionStore

from catalog import database_errors
from catalog.exceptions import ImageSearchError
from catalog.services.accounts import audit
from catalog.services.backup import daily
from catalog.services.index import extraction, rebuild_queue, rebuilding
from catalog.services.ingest import imports
from catalog.services.maintenance import comparison_queue, database_space, integrity, leftovers, orphans
from catalog.services.monitoring import beat_sign
from catalog.services.search import query_photo_quota, similarity_map

logger = get_task_logger(__name__)


@shared_task
def index_pending() -> None:
    """Index the pending images, then maintain the index."""
    for job in (extraction.index_pending, rebuilding.maintain):
        _run_logged(job)


@shared_task
def run_import(pk: int) -> None:
    """Run one bulk import, then maintain the index."""
    _run_logged(imports.run, pk)
    _run_logged(rebuilding.maintain)


@shared_task
def run_rebuilds() -> None:
    """Run the requested rebuilds."""
    _run_logged(rebuild_queue.run_waiting)


@shared_task
def run_comparisons() -> None:
    """Run the requested comparisons of networks."""
    _run_logged(comparison_queue.run_waiting)


@shared_task
def run_pending_work() -> None:
    """Do all work that waits, whether a notification was sent or lost."""
    for job in (
        imports.run_waiting,
        extraction.index_pending,
        rebuild_queue.run_waiting,
        rebuilding.maintain,
        similarity_map.update_map,
        comparison_queue.run_waiting,
    ):
        _run_logged(job)


@shared_task
def clean_up() -> None:
    """Delete expired query photos and files that are not needed."""
    for job in (
        query_photo_quota.delete_expired,
        imports.delete_orphan_archives,
        orphans.sweep,
        leftovers.sweep,
        integrity.log_damaged_segments,
        rebuilding.delete_unused_codes,
        audit.delete_old,
        delete_expired_sessions,
        database_space.release,
    ):
        _run_logged(job)


@shared_task
def back_up() -> None:
    """Write the daily backup, if it is due."""
    _run_logged(daily.run_if_due)


def delete_expired_sessions() -> None:
    """Delete the sessions of accounts that have not been used for two weeks."""
    SessionStore.clear_expired()


@beat_init.connect
def give_signs_of_beat(**_: object) -> None:
    """Note that beat has started, and whenever it has sent a task."""
    beat_sign.record()
    after_task_publish.connect(beat_sign.record)


@worker_ready.connect
def run_pending_work_at_start(**_: object) -> None:
    """Look for work as soon as a worker has started."""
    run_pending_work.delay()


def _run_logged(job: Callable, *args: int) -> None:
    """Run `job` and log the errors that staff can resolve. The schedule runs it again later."""
    try:
        job(*args)
    except ImageSearchError as error:
        logger.error("%s", error)
    except database_errors.DATABASE_ERRORS as error:
        logger.error("%s", database_errors.to_catalog_error(error))
