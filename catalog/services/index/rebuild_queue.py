"""Requested rebuilds of the index: rows that workers run as jobs, and whose progress staff can follow."""

from dataclasses import replace
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.db import transaction

from catalog.exceptions import CatalogueBusy, ImageSearchError
from catalog.models import Rebuild
from catalog.services.accounts import audit
from catalog.services.accounts.actor import acting_as, current_actor
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction, rebuilding
from catalog.services.index.activation import RebuildResult
from catalog.services.index.training.code_specs import CodeSpec
from catalog.services.jobs import dispatch
from catalog.services.jobs.progress import EXTRACTING, Progress
from catalog.services.jobs.queue import JobQueue, record_progress

# A rebuild fails if its worker died this often.
MAX_ATTEMPTS = 5


def enqueue(*, reextract: bool = False, extractor: str = "", code_spec: CodeSpec, user: Any) -> Rebuild:
    """Request a rebuild, for a worker to run.

    Args:
        reextract: extract all descriptors again from the originals.
        extractor: a value of IMAGESEARCH_EXTRACTOR; empty for the one in the settings.
        user: the account that requests it, or None.

    Raises:
        CatalogueBusy: a rebuild is running or has been requested already.
        ImageSearchError: the labels of the catalogue cannot train codes.
    """
    code_spec.check()
    if rebuilding.is_running() or QUEUE.unfinished().exists():
        raise CatalogueBusy(rebuilding.REBUILD_RUNNING_MESSAGE)
    with transaction.atomic():
        rebuild = Rebuild.objects.create(
            reextract=reextract,
            extractor=extractor,
            labels=code_spec.labels or "",
            bits=code_spec.bits,
            created_by=user,
        )
        audit.record(Action.REQUESTED, rebuild, target=f"rebuild {rebuild.pk}")
        dispatch.notify_rebuild()
    return rebuild


def run_waiting() -> None:
    """Run every requested rebuild that no other worker runs.

    Raises:
        CatalogueBusy: another process is rebuilding the index; the request waits for the next call.
    """
    QUEUE.run(QUEUE.unfinished())


def _execute(rebuild: Rebuild) -> None:
    with acting_as(replace(current_actor(), user=rebuild.created_by)):
        result = _rebuild(rebuild, record_progress(rebuild, _index_pending_while_extracting))
    Rebuild.objects.filter(pk=rebuild.pk).update(generation=result.generation)


def _rebuild(rebuild: Rebuild, progress: Progress) -> RebuildResult:
    code_spec = CodeSpec(rebuild.bits, rebuild.labels or None)
    if not rebuild.reextract:
        return rebuilding.rebuild(code_spec, progress=progress)
    result = rebuilding.reextract(rebuild.extractor or None, code_spec, progress=progress)
    extraction.index_pending()  # images that were added during the extraction
    return result


def _index_pending_while_extracting(phase: str) -> None:
    if phase == EXTRACTING:
        extraction.index_pending_between_steps()


QUEUE = JobQueue(Rebuild, _execute, max_attempts=MAX_ATTEMPTS, permanent_errors=(ImageSearchError,))
