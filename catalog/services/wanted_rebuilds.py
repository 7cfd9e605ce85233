"""Rebuilds that somebody asked for: rows that a worker runs, and that tell how far it is."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, transaction

from catalog.exceptions import CatalogueBusy, ImageSearchError
from catalog.models import Rebuild
from catalog.services import claims, hints, indexing, rebuilding
from catalog.services.learning import Codes
from catalog.services.rebuilding import Rebuilt

logger = logging.getLogger(__name__)

UNFINISHED = (Rebuild.State.WAITING, Rebuild.State.RUNNING)
# A rebuild whose worker died this often is not tried again.
GIVEN_UP_AFTER = 5
# Seconds between two notes of how far it is.
NOTED_EVERY = 0.5


def ask(*, reextract: bool = False, extractor: str = "", codes: Codes, user: Any) -> Rebuild:
    """Record that a rebuild is wanted, for a worker to run.

    Raises:
        CatalogueBusy: one is running, or wanted, already.
        ImageSearchError: the catalogue's labels cannot teach codes.
    """
    codes.check()
    if rebuilding.is_running() or Rebuild.objects.filter(state__in=UNFINISHED).exists():
        raise CatalogueBusy(rebuilding.BUSY)
    with transaction.atomic():
        wanted = Rebuild.objects.create(
            reextract=reextract, extractor=extractor, labels=codes.labels or "", bits=codes.bits, created_by=user
        )
        hints.rebuild_is_waiting()
    return wanted


def run_waiting() -> None:
    """Run every rebuild that is wanted and that nobody is at.

    Raises:
        CatalogueBusy: another process is rebuilding; it is tried again another time.
    """
    unfinished = Rebuild.objects.filter(state__in=UNFINISHED).order_by("pk")
    if not claims.any_free(unfinished):
        return
    with claims.owner(Rebuild) as owner:
        try:
            while claimed := claims.claim(unfinished, owner, 1):
                _run(claimed[0])
        except (ImageSearchError, DatabaseError, KeyboardInterrupt):
            Rebuild.objects.hand_back(owner)  # no fault of what is wanted: it does not count against it
            raise


def _run(wanted: Rebuild) -> None:
    rows = Rebuild.objects.filter(pk=wanted.pk)
    rows.update(state=Rebuild.State.RUNNING, failure_reason="")
    try:
        if wanted.attempts > GIVEN_UP_AFTER:
            raise ImageSearchError("The worker was stopped {count} times while rebuilding.", count=GIVEN_UP_AFTER)
        made = _rebuild(wanted, _noting(wanted))
    except CatalogueBusy:
        rows.update(state=Rebuild.State.WAITING)
        raise
    except ImageSearchError as fault:
        rows.update(state=Rebuild.State.FAILED, failure_reason=str(fault)[:500])
    else:
        rows.update(state=Rebuild.State.DONE, generation=made.generation)


def _rebuild(wanted: Rebuild, progress: rebuilding.Progress) -> Rebuilt:
    codes = Codes(wanted.bits, wanted.labels or None)
    if not wanted.reextract:
        return rebuilding.rebuild(codes, progress=progress)
    made = rebuilding.reextract(wanted.extractor or None, codes, progress=progress)
    indexing.index_pending()  # what came in meanwhile
    return made


def _noting(wanted: Rebuild) -> Callable[[str, int, int], None]:
    """A progress that is noted in the row now and then, and lets nobody's new pictures wait for the rebuild to end."""
    noted: dict[str, float] = {}

    def note(phase: str, done: int, total: int) -> None:
        if done < total and time.monotonic() - noted.get(phase, -NOTED_EVERY) < NOTED_EVERY:
            return
        noted[phase] = time.monotonic()
        Rebuild.objects.filter(pk=wanted.pk).update(phase=phase, done=done, total=total)
        claims.renew(wanted)
        if phase == "describing":
            _describe_others()

    return note


def _describe_others() -> None:
    try:
        indexing.index_pending()
    except ImageSearchError as fault:  # the rebuild goes on; the images wait
        logger.error("%s", fault)
