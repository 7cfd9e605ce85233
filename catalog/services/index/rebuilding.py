"""Rebuilding: build the next generation beside the active one, then activate it in one transaction.

A rebuild merges the segments of the active space without the rows of deleted images, and trains on the stored
descriptors. A re-extraction first extracts the descriptors of all originals into a new space. Until the activation,
searches use the previous generation. If the process is killed, that generation stays active, and the next re-extraction
continues with the descriptors that were extracted.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

from catalog import locks
from catalog.exceptions import CatalogueBusy, ImageSearchError, gettext_noop
from catalog.models import FeatureSpace, Generation, Image
from catalog.querysets import ImageQuerySet
from catalog.services.accounts.audit import Action
from catalog.services.index import activation, extraction, live_index, merging, neighbour_graph, spaces, store
from catalog.services.index.activation import RebuildResult
from catalog.services.index.training import generation_training
from catalog.services.index.training.code_specs import DEFAULT_CODES, CodeSpec, next_code_spec
from catalog.services.jobs.progress import ENCODING, EXTRACTING, Progress, ignore_progress
from catalog.vectors.segments import open_segment

logger = logging.getLogger(__name__)

# `is_running` holds the lock for a moment.
LOCK_TIMEOUT = 0.5  # seconds

REBUILD_RUNNING_MESSAGE = gettext_noop("The index is already being rebuilt. Try again when the rebuild has finished.")


def rebuild(
    code_spec: CodeSpec = DEFAULT_CODES, *, progress: Progress = ignore_progress, automatic: bool = False
) -> RebuildResult:
    """Build a new generation of the active space from the store, and activate it.

    Args:
        automatic: whether nobody asked for it. Then the choice of the projection takes less time.

    Raises:
        ImageSearchError: the codes cannot be trained on the labels of the catalogue.
        CatalogueBusy: another rebuild is running.
        SegmentDamaged: a segment cannot be read. The previous generation stays active.
        StoreUnavailable: the disk reports an error. The previous generation stays active.
    """
    code_spec.check()
    with _rebuild_lock():
        generation = Generation.objects.create(space=spaces.get_or_create_active_space())
        return _build_and_activate(generation, code_spec, progress, automatic=automatic)


def reextract(
    extractor: str | None = None, code_spec: CodeSpec = DEFAULT_CODES, *, progress: Progress = ignore_progress
) -> RebuildResult:
    """Extract the descriptors of all originals into a new space, build a generation of it and activate it.

    Args:
        extractor: the name of the extractor; None for the one in the settings.

    Raises:
        WeightsUnavailable: the extractor's weights are missing.
        ImageSearchError: as `rebuild`, as are the following.
        CatalogueBusy, SegmentDamaged, StoreUnavailable: see `rebuild`.
    """
    code_spec.check()
    with _rebuild_lock():
        space = spaces.create_or_resume_space(spaces.choose_network(extractor, may_convert=True))
        generation = Generation.objects.create(space=space)
        _extract_all(space, progress)
        return _build_and_activate(generation, code_spec, progress)


def rollback() -> RebuildResult:
    """Activate the previous generation again, with its space. The current one becomes the previous one.

    Images that were added since then become pending, and a worker extracts their descriptors.

    Raises:
        ImageSearchError: there is no previous generation.
        CatalogueBusy: a rebuild is running.
    """
    with _rebuild_lock():
        previous = activation.previous_generation()
        if previous is None:
            raise ImageSearchError("There is no previous generation to roll back to.")
        return activation.activate(previous, action=Action.ROLLED_BACK)


def maintain(*, progress: Progress = ignore_progress) -> None:
    """Rebuild the active generation if the catalogue has outgrown it.

    Otherwise merge small segments if there are many, and keep up the neighbour graph.

    Errors are logged, and the next call tries again.
    """
    generation = spaces.active_generation()
    if generation is None:
        return
    try:
        if generation_training.needs_rebuild(generation):
            rebuild(next_code_spec(generation), progress=progress, automatic=True)
        else:
            with _rebuild_lock():
                merging.merge_due(generation.space, progress)
                neighbour_graph.update(generation, progress)
    except CatalogueBusy as error:
        logger.info("%s", error)
    except ImageSearchError as error:
        logger.warning("The index could not be rebuilt after the catalogue changed: %s", error)


def delete_unused_codes() -> None:
    """Delete the codes and neighbour lists of generations and segments that no longer exist.

    Does nothing during a rebuild or a merge: these write the files of a segment before they commit its row.
    """
    with suppress(CatalogueBusy), _rebuild_lock():
        activation.delete_unused_codes()


def is_running() -> bool:
    """Return whether a process on this machine is rebuilding the index or merging segments."""
    return locks.is_locked(_lock_path())


def _lock_path() -> Path:
    return settings.LOCKS_DIR / "rebuild.lock"


@contextmanager
def _rebuild_lock() -> Iterator[None]:
    with ExitStack() as exit_stack:
        try:
            exit_stack.enter_context(locks.file_lock(_lock_path(), timeout=LOCK_TIMEOUT))
        except CatalogueBusy as error:
            raise CatalogueBusy(REBUILD_RUNNING_MESSAGE) from error
        # A generation still being built belongs to a process that died; otherwise it would hold the lock.
        Generation.objects.filter(state=Generation.State.BUILDING).delete()
        yield


def _extract_all(space: FeatureSpace, progress: Progress) -> None:
    """Extract the descriptors of all images that have none in `space`."""
    extractor = spaces.get_extractor(space, for_batches=True)
    total = _images_without_descriptor(space).count()
    done, last_pk = 0, 0
    with ThreadPoolExecutor(settings.THREADS) as threads:
        while batch := list(
            _images_without_descriptor(space).filter(pk__gt=last_pk).order_by("pk")[: settings.BATCH_SIZE]
        ):
            # Pictures that are rejected here become pending at activation. A worker then records the reason.
            ready, _rejected = extraction.collect_prepared(extraction.prepare_batch(batch, extractor, threads))
            if ready:
                store.commit(space, extraction.extract(ready, extractor))
            last_pk, done = batch[-1].pk, done + len(batch)
            progress(EXTRACTING, done, max(total, done))


def _images_without_descriptor(space: FeatureSpace) -> ImageQuerySet:
    return Image.objects.filter(~spaces.has_descriptor_in(space))


def _build_and_activate(
    generation: Generation, code_spec: CodeSpec, progress: Progress, *, automatic: bool = False
) -> RebuildResult:
    merging.merge_all(generation.space, progress)
    generation_training.train(generation, code_spec, progress, automatic=automatic)
    _build_codes(generation, progress)
    neighbour_graph.update(generation, progress)
    generation_training.tune(generation, live_index.INDEX.view(generation).snapshot, progress)
    return activation.activate(generation, progress)


def _build_codes(generation: Generation, progress: Progress) -> None:
    """Cache the codes of all segments, so that searches need not build them after the activation."""
    comparison = live_index.Comparison.of(generation)
    rows = list(generation.space.segments.order_by("pk"))
    for done, row in enumerate(rows, 1):
        comparison.codes_and_scales(open_segment(store.segment_path(row.name)))
        progress(ENCODING, done, len(rows))
