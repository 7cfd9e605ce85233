"""Rebuilding: the next generation is made beside the active one and swapped in by one transaction.

Plain, it merges the segments of the active space, leaving out the rows of deleted images, and learns from what is
stored how to compare it. With re-extraction it describes every original again in a new space first. Searches are
answered by the old generation until the swap. Killed anywhere, that one goes on serving, and the next rebuild goes
on with what was described.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalog import locks
from catalog.exceptions import CatalogueBusy, ImageSearchError, sentence
from catalog.models import Coder, FeatureSpace, Generation, Image, Projection, Segment
from catalog.querysets import ImageQuerySet
from catalog.services import derivation, indexing, learning, live_index, merging, spaces, store
from catalog.services.learning import Codes
from catalog.services.merging import Progress
from catalog.vectors.segments import open_segment

logger = logging.getLogger(__name__)


BUSY = sentence("The index is being rebuilt already. Wait for that to end, then try again.")


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild made."""

    generation: Generation
    images: int
    segments: int


def rebuild(wanted: Codes = learning.USUAL, *, progress: Progress = lambda phase, done, total: None) -> Rebuilt:
    """Make a new generation of the active space from the store.

    Args:
        wanted: what its codes are to be.
        progress: called with the phase, and how much of it is done.

    Raises:
        ImageSearchError: the catalogue's labels cannot teach codes.
        CatalogueBusy: another rebuild is running.
        SegmentDamaged: a segment cannot be read; the active generation goes on serving.
        StoreUnavailable: the disk refuses; likewise.
    """
    wanted.check()
    with _alone():
        space = spaces.active_or_first()
        generation = Generation.objects.create(space=space)
        merging.merge_all(space, progress)
        _learn(generation, wanted, progress)
        return _swap_in(generation, progress)


def reextract(
    extractor: str | None = None,
    wanted: Codes = learning.USUAL,
    *,
    progress: Progress = lambda phase, done, total: None,
) -> Rebuilt:
    """Describe every original again, with the named extractor or the preferred one, and swap that in.

    Raises as `rebuild` does, and WeightsUnavailable: the extractor's weights are not there.
    """
    wanted.check()
    with _alone():
        space = spaces.record_anew(spaces.choose(extractor))
        generation = Generation.objects.create(space=space)
        _describe_all(space, progress)
        merging.merge_all(space, progress)
        _learn(generation, wanted, progress)
        return _swap_in(generation, progress)


def keep_up(*, progress: Progress = lambda phase, done, total: None) -> None:
    """Do for a catalogue that grows what nobody need think of: merge its segments when they have become many, and
    rebuild when it has outgrown what was learned from it. Where that cannot be, it is tried again another time.
    """
    generation = spaces.active()
    if generation is None:
        return
    try:
        if learning.outgrown(generation):
            rebuild(learning.codes_wanted(generation), progress=progress)
        elif merging.due(generation.space):
            with _alone():
                merging.merge_due(generation.space, progress)
    except CatalogueBusy as fault:
        logger.info("%s", fault)
    except ImageSearchError as fault:
        logger.warning("The index could not be rebuilt for what was added: %s", fault)


def is_running() -> bool:
    """Whether a process of this machine is rebuilding now."""
    return locks.is_held(_lock())


def _lock() -> Path:
    return settings.LOCKS_DIR / "rebuild.lock"


@contextmanager
def _alone() -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(locks.held(_lock()))
        except CatalogueBusy as fault:
            raise CatalogueBusy(BUSY) from fault
        # Whoever was building died, or it would hold the lock.
        Generation.objects.filter(state=Generation.State.BUILDING).delete()
        yield


def _describe_all(space: FeatureSpace, progress: Progress) -> None:
    """Describe, in `space`, every image that has no descriptor there yet."""
    extractor = spaces.extractor(space, for_batches=True)
    total = _without(space).count()
    done, last = 0, 0
    with ThreadPoolExecutor(settings.THREADS) as threads:
        while batch := list(_without(space).filter(pk__gt=last).order_by("pk")[: indexing.BATCH]):
            # After the swap a worker tries again what is refused here, and says what is wrong with it.
            ready, _refused = indexing.outcomes_of(indexing.begin_work(batch, extractor, threads))
            if ready:
                store.commit(space, indexing.describe(ready, extractor))
            last, done = batch[-1].pk, done + len(batch)
            progress("describing", done, max(total, done))


def before() -> Generation | None:
    """The generation that `rollback` would bring back."""
    return Generation.objects.filter(state=Generation.State.RETIRED).select_related("space").first()


def rollback() -> Rebuilt:
    """Bring the generation before the serving one back, with its space; the serving one becomes the one before.

    Images that came in since are described in that space by a worker.

    Raises:
        ImageSearchError: there is none.
        CatalogueBusy: a rebuild is running.
    """
    with _alone():
        last = before()
        if last is None:
            raise ImageSearchError("There is no generation before this one to go back to.")
        return _swap_in(last, lambda phase, done, total: None)


def _learn(generation: Generation, wanted: Codes, progress: Progress) -> None:
    learning.learn(generation, wanted, progress)
    _derive(generation, progress)
    progress("measuring", 0, 1)
    learning.tune(generation, live_index.INDEX.view(generation).snapshot)
    progress("measuring", 1, 1)


def _derive(generation: Generation, progress: Progress) -> None:
    """Have the codes of all segments at hand, so that no search needs to make them after the swap."""
    ways = live_index.Ways.of(generation)
    rows = list(generation.space.segments.order_by("pk"))
    for done, row in enumerate(rows, 1):
        ways.derived_of(open_segment(store.path_of(row.name)))
        progress("coding", done, len(rows))


def _swap_in(generation: Generation, progress: Progress) -> Rebuilt:
    """One transaction: the new generation serves, and images it does not hold yet wait for a worker."""
    live_index.follow(generation)  # before it serves: that may take a while
    with transaction.atomic():
        active = Generation.objects.select_for_update().filter(state=Generation.State.ACTIVE)
        active.update(state=Generation.State.RETIRED)
        building = Generation.objects.filter(pk=generation.pk)
        if not building.update(state=Generation.State.ACTIVE, activated_at=timezone.now()):
            raise CatalogueBusy("Another machine has begun a rebuild meanwhile. This one was given up.")
        match_status_to_descriptors(generation.space)
    _retire()
    progress("swapping in", 1, 1)
    images = Image.objects.indexed().count()
    return Rebuilt(generation, images, generation.space.segments.count())


def match_status_to_descriptors(space: FeatureSpace) -> None:
    """Mark as searchable the images that have a descriptor in the active `space`, and those alone."""
    Image.objects.indexed().filter(~spaces.described_in(space)).update(status=Image.Status.PENDING, attempts=0)
    Image.objects.exclude(status=Image.Status.INDEXED).filter(spaces.described_in(space)).update(
        status=Image.Status.INDEXED, failure_reason="", claim="", claim_expires_at=None
    )


def _retire() -> None:
    """Let go of all generations but the serving one, the one before it, and the last of the space before.

    Spaces go with their generations. One that has none is of a re-extraction that was stopped, and stays for the next.
    """
    serving, *before = Generation.objects.select_related("space").order_by("-activated_at")
    elsewhere = [generation for generation in before if generation.space != serving.space]
    kept = [serving, *before[:1], *elsewhere[:1]]
    with transaction.atomic():
        gone = FeatureSpace.objects.exclude(pk__in=[one.space_id for one in kept]).exclude(generations=None)
        store.forget(list(Segment.objects.filter(space__in=gone)))
        spaces_gone = list(gone.values_list("pk", flat=True))
        Generation.objects.exclude(pk__in=[one.pk for one in kept]).delete()
        FeatureSpace.objects.filter(pk__in=spaces_gone).delete()
        Projection.objects.filter(generation=None).delete()
        Coder.objects.filter(generation=None).delete()
    live_index.drop_retired()
    sweep()


def sweep() -> None:
    """Remove codes that are of no generation or no segment any more."""
    keys = {live_index.key_of(generation) for generation in Generation.objects.select_related("space")}
    segments = {Path(name).name for name in Segment.objects.values_list("name", flat=True)}
    derivation.sweep(keys, segments)


def _without(space: FeatureSpace) -> ImageQuerySet:
    return Image.objects.filter(~spaces.described_in(space))
