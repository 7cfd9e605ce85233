"""Describing images: from `pending` to `indexed`, a batch at a time.

The database is the queue. Each batch is claimed, decoded on threads while the one before it is being
described, written as one segment and committed. Killed anywhere, what was committed stays, and the rest
is claimed again.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from catalog.exceptions import ImageSearchError, PictureRefused, StoreUnavailable
from catalog.features.extractors import Extractor
from catalog.imaging.decoding import decode
from catalog.models import FeatureSpace, Generation, Image, Segment
from catalog.services import claims, live_index, originals, spaces, store
from catalog.services.limits import DESCRIBED_SIDE, limits_of
from catalog.services.store import Described

logger = logging.getLogger(__name__)

BATCH = 32
# An image that was claimed this often and never finished is tried alone, so that it stops nobody else …
TRIED_ALONE_AFTER = 3
# … and is given up when it goes on stopping its worker.
GIVEN_UP_AFTER = 12
FRESH = Q(attempts__lt=TRIED_ALONE_AFTER)


@dataclass
class Work:
    """A claimed batch, its pictures being prepared on threads."""

    images: list[Image]
    prepared: list[Future]


@dataclass
class Tally:
    """What a run of `index_pending` did."""

    indexed: int = 0
    failed: int = 0
    progress: Callable[[int], None] = field(default=lambda done: None, repr=False)

    def add(self, indexed: int, failed: int) -> None:
        self.indexed += indexed
        self.failed += failed
        self.progress(indexed + failed)


def index_pending(progress: Callable[[int], None] = lambda done: None) -> Tally:
    """Describe images until none is pending and free. Any number of processes may do this at once.

    Args:
        progress: called with the number of images that each batch finished.

    Raises:
        StoreUnavailable: descriptors cannot be written, or originals not be read; nothing is lost.
        WeightsUnavailable: the catalogue's network is not there.
    """
    tally = Tally(progress=progress)
    if generation := spaces.active():
        live_index.follow(generation.space)  # what its server missed while it was away
    while claims.any_free(Image.objects.pending()):
        try:
            _index_in(spaces.active_or_first(), tally)
        except SpaceChanged:
            continue  # a rebuild moved the catalogue to another space: the rest is described in that one
    return tally


class SpaceChanged(Exception):
    """Descriptors were made in a space that is not the active one any more."""


def _index_in(space: FeatureSpace, tally: Tally) -> None:
    extractor = spaces.extractor(space, for_batches=True)
    with claims.owner(Image) as owner, ThreadPoolExecutor(settings.THREADS) as threads:
        try:
            for work in _one_ahead(lambda: _take(FRESH, BATCH, owner, extractor, threads)):
                _finish(work, owner, space, extractor, tally)
            # Nothing else is in hand now that could be blamed for what this one does.
            _finish(_take(Q(), 1, owner, extractor, threads), owner, space, extractor, tally)
        except (ImageSearchError, SpaceChanged, DatabaseError, KeyboardInterrupt):
            Image.objects.hand_back(owner)  # no fault of the images: it does not count against them
            raise


def _one_ahead(take: Callable[[], Work]) -> Iterator[Work]:
    """Batches as `take` gives them, the next one being prepared while the caller is at this one."""
    upcoming = take()
    while upcoming.images:
        current, upcoming = upcoming, take()
        yield current
        if not upcoming.images:
            upcoming = take()  # what came in meanwhile


def _take(which: Q, most: int, owner: str, extractor: Extractor, threads: ThreadPoolExecutor) -> Work:
    images = claims.claim(Image.objects.pending().filter(which).in_queue_order(), owner, most)
    return begin_work(images, extractor, threads)


def begin_work(images: list[Image], extractor: Extractor, threads: ThreadPoolExecutor) -> Work:
    """Have threads prepare the images."""
    return Work(images, [threads.submit(prepare, image, extractor) for image in images])


def prepare(image: Image, extractor: Extractor) -> np.ndarray:
    """The network's input of an image: uint8, side × side × 3. Raises PictureRefused, StoreUnavailable."""
    if image.attempts > GIVEN_UP_AFTER:
        raise PictureRefused(
            "stops_workers", "The worker was stopped {count} times while describing it.", count=GIVEN_UP_AFTER
        )
    return extractor.prepare(decode(originals.read(image), limits_of(image), at_least=DESCRIBED_SIDE).rgb)


def _finish(work: Work, owner: str, space: FeatureSpace, extractor: Extractor, tally: Tally) -> None:
    ready, refused = outcomes_of(work)
    failed = sum(_mark_failed(image, owner, reason) for image, reason in refused)
    indexed = _commit(describe(ready, extractor), owner, space) if ready else 0
    if indexed:
        live_index.follow(space)
    tally.add(indexed, failed)


def outcomes_of(work: Work) -> tuple[list[tuple[Image, np.ndarray]], list[tuple[Image, str]]]:
    """The images that are prepared, and those that cannot be, with the reason. Raises StoreUnavailable."""
    ready, refused = [], []
    for image, future in zip(work.images, work.prepared, strict=True):
        try:
            ready.append((image, future.result()))
        except StoreUnavailable:
            raise
        except PictureRefused as fault:
            refused.append((image, str(fault)))
        except Exception as fault:  # whatever it is, one picture never stops a batch
            logger.exception("image %s cannot be prepared", image.pk)
            refused.append((image, f"It cannot be read: {fault or type(fault).__name__}."))
    return ready, refused


def describe(ready: list[tuple[Image, np.ndarray]], extractor: Extractor) -> list[Described]:
    """Descriptors of prepared images, in their order."""
    vectors = extractor.describe(np.stack([pixels for _, pixels in ready]))
    return [Described(image.pk, image.sha256, vector) for (image, _), vector in zip(ready, vectors, strict=True)]


def _commit(rows: list[Described], owner: str, space: FeatureSpace) -> int:
    """The one commit point: the segment is on the disk, then one transaction makes it count."""
    with store.writing():
        segment = store.append(space, rows)
        with transaction.atomic():
            return _register(segment, rows, owner)


def _register(segment: Segment, rows: list[Described], owner: str) -> int:
    if not Generation.objects.select_for_update().filter(space=segment.space, state=Generation.State.ACTIVE).first():
        raise SpaceChanged
    ours = Image.objects.pending().select_for_update().filter(pk__in=[row.image_id for row in rows], claim=owner)
    # Without those that were deleted meanwhile, or taken over by another when this process was thought dead.
    living = set(ours.values_list("pk", flat=True))
    store.register(segment, rows, living)
    indexed = Image.objects.filter(pk__in=living)
    return indexed.update(status=Image.Status.INDEXED, claim="", claim_expires_at=None, attempts=0)


def _mark_failed(image: Image, owner: str, reason: str) -> int:
    return Image.objects.filter(pk=image.pk, claim=owner).update(
        status=Image.Status.FAILED, failure_reason=reason[:500], claim="", claim_expires_at=None
    )


def retry(images) -> int:  # type: ignore[no-untyped-def]
    """Put failed images back into the queue; how many."""
    return images.failed().update(status=Image.Status.PENDING, failure_reason="", attempts=0)
