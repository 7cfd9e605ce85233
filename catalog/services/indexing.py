"""Describing images: from `pending` to `indexed`, a batch at a time.

The database is the queue. Each batch is claimed, decoded on threads while the one before it is being
described, written as one segment and committed. Killed anywhere, what was committed stays, and the rest
is claimed again.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from catalog.exceptions import ImageSearchError, PictureRefused, StoreUnavailable
from catalog.features.extractors import Extractor, Prepared
from catalog.imaging.decoding import decode
from catalog.models import FeatureSpace, Generation, Image, Segment
from catalog.services import claims, live_index, originals, spaces, store
from catalog.services.limits import limits_of
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
    """A batch whose pictures are being prepared on threads; to call for one is to wait for it."""

    images: list[Image]
    prepared: list[Callable[[], Prepared]]


@dataclass
class Found:
    """What came of a batch: descriptors, and images that cannot be described, with the reason."""

    described: list[Described]
    refused: list[tuple[Image, str]]


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
    live_index.follow(spaces.active())  # what its server missed while it was away
    while claims.any_free(Image.objects.pending()):
        try:
            _index_in(spaces.active_or_first(), tally)
        except SpaceChanged:
            continue  # a rebuild moved the catalogue to another space: the rest is described in that one
    return tally


class SpaceChanged(Exception):
    """Descriptors were made in a space that is not the active one any more."""


def _index_in(space: FeatureSpace, tally: Tally) -> None:
    with describing(space, tally) as describer:
        while images := describer.claim(FRESH, BATCH):
            describer.take(images)
        describer.finish()
        # Nothing else is in hand now that could be blamed for what this one does.
        describer.take(describer.claim(Q(), 1))
        describer.finish()


class Describer:
    """Describes batches of claimed images in one space, two of them at most in hand.

    Threads prepare a batch while the network, on a thread of its own, is at the one before. The thread that calls
    commits what is done, and is the only one to speak with the database.
    """

    def __init__(self, space: FeatureSpace, owner: str, tally: Tally) -> None:
        self.extractor = spaces.extractor(space, for_batches=True)
        self._space = space
        self._owner = owner
        self._tally = tally
        self._threads = ThreadPoolExecutor(settings.THREADS)
        self._network = ThreadPoolExecutor(1)
        self._in_hand: deque[Future[Found]] = deque()

    def claim(self, which: Q, most: int) -> list[Image]:
        """Images that wait, to be given to `take`."""
        return claims.claim(Image.objects.pending().filter(which).in_queue_order(), self._owner, most)

    def claimed_at_birth(self) -> dict[str, Any]:
        """What new images are inserted with that are to be given to `take`."""
        return {"claim": self._owner, "claim_expires_at": timezone.now() + claims.LASTING, "attempts": 1}

    def take(self, images: list[Image], prepared: Mapping[str, Prepared] | None = None) -> None:
        """Begin to describe claimed images, and commit those of the time before.

        Args:
            prepared: by digest, what is prepared already. The originals of the others are read.

        Raises:
            StoreUnavailable, SpaceChanged: as `index_pending` meets them.
        """
        work = begin_work(images, self.extractor, self._threads, prepared)
        self._in_hand.append(self._network.submit(_find, work, self.extractor))
        while len(self._in_hand) > 1:
            self._commit_first()

    def finish(self) -> None:
        """Commit all that is in hand. Raises as `take` does."""
        while self._in_hand:
            self._commit_first()

    def close(self) -> None:
        for pool in (self._threads, self._network):
            pool.shutdown(cancel_futures=True)

    def _commit_first(self) -> None:
        found = self._in_hand.popleft().result()
        failed = sum(_mark_failed(image, self._owner, reason) for image, reason in found.refused)
        indexed = _commit(found.described, self._owner, self._space) if found.described else 0
        if indexed:
            live_index.follow(spaces.active())
        self._tally.add(indexed, failed)


@contextmanager
def describing(space: FeatureSpace, tally: Tally) -> Iterator[Describer]:
    """A Describer. What it has claimed and not committed when the block ends is let go of.

    Raises:
        WeightsUnavailable: the network of `space` is not there.
    """
    with claims.owner(Image) as owner:
        describer = Describer(space, owner, tally)
        try:
            yield describer
        except (ImageSearchError, SpaceChanged, DatabaseError, KeyboardInterrupt):
            Image.objects.hand_back(owner)  # no fault of the images: it does not count against them
            raise
        finally:
            describer.close()


def begin_work(
    images: list[Image],
    extractor: Extractor,
    threads: ThreadPoolExecutor,
    prepared: Mapping[str, Prepared] | None = None,
) -> Work:
    """Have threads prepare the images, but for those that are `prepared` already, by digest."""

    def begun(image: Image) -> Callable[[], Prepared]:
        if prepared and image.sha256 in prepared:
            return partial(prepared.__getitem__, image.sha256)
        return threads.submit(prepare, image, extractor).result

    return Work(images, [begun(image) for image in images])


def _find(work: Work, extractor: Extractor) -> Found:
    ready, refused = outcomes_of(work)
    return Found(describe(ready, extractor) if ready else [], refused)


def prepare(image: Image, extractor: Extractor) -> Prepared:
    """The network's input of an image. Raises PictureRefused, StoreUnavailable."""
    if image.attempts > GIVEN_UP_AFTER:
        raise PictureRefused(
            "stops_workers", "The worker was stopped {count} times while describing it.", count=GIVEN_UP_AFTER
        )
    picture = decode(originals.read(image), limits_of(image), at_least=extractor.space.decoded_side)
    return extractor.prepare(picture.rgb)


def outcomes_of(work: Work) -> tuple[list[tuple[Image, Prepared]], list[tuple[Image, str]]]:
    """The images that are prepared, and those that cannot be, with the reason. Raises StoreUnavailable."""
    ready, refused = [], []
    for image, prepared in zip(work.images, work.prepared, strict=True):
        try:
            ready.append((image, prepared()))
        except (StoreUnavailable, CancelledError):  # cancelled where the work was stopped
            raise
        except PictureRefused as fault:
            refused.append((image, str(fault)))
        except Exception as fault:  # whatever it is, one picture never stops a batch
            logger.exception("image %s cannot be prepared", image.pk)
            refused.append((image, f"It cannot be read: {fault or type(fault).__name__}."))
    return ready, refused


def describe(ready: list[tuple[Image, Prepared]], extractor: Extractor) -> list[Described]:
    """Descriptors of prepared images, in their order."""
    vectors = extractor.describe([pixels for _, pixels in ready])
    return [Described(image.pk, image.sha256, vector) for (image, _), vector in zip(ready, vectors, strict=True)]


def _commit(rows: list[Described], owner: str, space: FeatureSpace) -> int:
    """The one commit point: the segment is on the disk, then one transaction makes it count."""
    with store.writing():
        segment = store.append(space, rows)
        with transaction.atomic():
            return _register(segment, rows, owner)


def _register(segment: Segment, rows: list[Described], owner: str) -> int:
    # Asked twice: PostgreSQL, having waited for a swap, sees that the old row serves no more and not yet the new one.
    serving = Generation.objects.select_for_update().filter(space=segment.space, state=Generation.State.ACTIVE)
    if not (serving.first() or serving.first()):
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
