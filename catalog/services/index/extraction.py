"""Indexing of pending images: run the network on them, a batch at a time, and commit the descriptors.

The database is the queue. A batch is leased, decoded by threads while the network runs on the previous batch, written
as one segment and committed. If the process is killed, committed batches stay indexed, and the other images are leased
again.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from catalog.exceptions import ImageSearchError, PictureRejected, StoreUnavailable
from catalog.features.extractors import Extractor, PreparedPicture
from catalog.models import FeatureSpace, Generation, Image, Segment
from catalog.querysets import ImageQuerySet
from catalog.services.index import live_index, spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.jobs import leases
from catalog.services.jobs.leases import Lease
from catalog.services.media import files
from catalog.services.media.file_locks import file_commit_lock

logger = logging.getLogger(__name__)

# An image whose worker died this often is extracted alone, so that it does not stop other images again ...
ISOLATE_AFTER_ATTEMPTS = 3
# ... and it fails if its worker dies this often.
MAX_ATTEMPTS = 12
BATCHABLE = Q(attempts__lt=ISOLATE_AFTER_ATTEMPTS)


@dataclass
class PendingBatch:
    """A batch that threads prepare.

    Attributes:
        images: the leased images.
        prepared_inputs: a function for each image that waits for its network input and returns it.
    """

    images: list[Image]
    prepared_inputs: list[Callable[[], PreparedPicture]]


@dataclass
class BatchResult:
    """The descriptors of a batch, and the images that could not be read, each with the reason."""

    rows: list[DescriptorRow]
    rejected: list[tuple[Image, str]]


@dataclass
class IndexingStats:
    """Numbers of images that were indexed and that failed."""

    indexed: int = 0
    failed: int = 0
    progress: Callable[[int], None] = field(default=lambda done: None, repr=False)

    def add(self, indexed: int, failed: int) -> None:
        """Add the numbers of one batch and report their sum to `progress`."""
        self.indexed += indexed
        self.failed += failed
        self.progress(indexed + failed)


def index_pending(progress: Callable[[int], None] = lambda done: None) -> IndexingStats:
    """Index images until no pending image can be leased. Any number of processes may run this at once.

    Args:
        progress: called after each batch with the number of images in it.

    Raises:
        StoreUnavailable: descriptors cannot be written, or originals cannot be read. The images stay pending.
        WeightsUnavailable: the weights of the catalogue's network are missing.
    """
    stats = IndexingStats(progress=progress)
    live_index.sync_engine(spaces.active_generation())  # with what it missed while its server was unavailable
    while leases.any_available(Image.objects.pending()):
        try:
            _index_space(spaces.get_or_create_active_space(), stats)
        except SpaceChanged:
            continue  # a rebuild has activated another space: index the other images there
    return stats


def index_pending_between_steps() -> None:
    """Index pending images between the steps of a long job. An error is logged: the job goes on, the images wait."""
    try:
        index_pending()
    except ImageSearchError as error:
        logger.error("%s", error)


class SpaceChanged(Exception):
    """Descriptors were extracted in a space that is no longer active."""


def _index_space(space: FeatureSpace, stats: IndexingStats) -> None:
    with batch_indexer(space, stats) as indexer:
        while images := indexer.lease(BATCHABLE, settings.BATCH_SIZE):
            indexer.submit(images)
        indexer.flush()
        # If the process dies now, it is certain which image was the cause.
        indexer.submit(indexer.lease(Q(), 1))
        indexer.flush()


class BatchIndexer:
    """Indexes batches of leased images in one space. At most two batches are in memory.

    Threads prepare one batch while the network runs on the previous batch in a thread of its own. Only the calling
    thread uses the database; it commits finished batches.
    """

    def __init__(self, space: FeatureSpace, owner: str, stats: IndexingStats) -> None:
        self.extractor = spaces.get_extractor(space, for_batches=True)
        self._space = space
        self._owner = owner
        self._stats = stats
        self._preparation_pool = ThreadPoolExecutor(settings.THREADS)
        self._network_pool = ThreadPoolExecutor(1)
        self._batches: deque[Future[BatchResult]] = deque()

    def lease(self, condition: Q, limit: int) -> list[Image]:
        """Lease up to `limit` pending images that meet `condition`, for `submit`."""
        return leases.lease(Image.objects.pending().filter(condition).order_by_attempts(), self._owner, limit)

    def new_lease(self) -> Lease:
        """The lease to insert new images with, for `submit`."""
        return leases.new_lease(self._owner)

    def submit(self, images: list[Image], prepared: Mapping[str, PreparedPicture] | None = None) -> None:
        """Start to index leased images, and commit the previous batch.

        Args:
            prepared: network inputs that exist already, by digest. The originals of other images are read.

        Raises:
            StoreUnavailable: descriptors cannot be written, or originals cannot be read.
            SpaceChanged: another space has become active.
        """
        batch = prepare_batch(images, self.extractor, self._preparation_pool, prepared)
        self._batches.append(self._network_pool.submit(_extract_batch, batch, self.extractor))
        while len(self._batches) > 1:
            self._commit_oldest()

    def flush(self) -> None:
        """Commit all submitted images. Raises like `submit`."""
        while self._batches:
            self._commit_oldest()

    def close(self) -> None:
        """Stop the threads. Work that has not started is cancelled."""
        for pool in (self._preparation_pool, self._network_pool):
            pool.shutdown(cancel_futures=True)

    def _commit_oldest(self) -> None:
        result = self._batches.popleft().result()
        failed = sum(_mark_failed(image, self._owner, reason) for image, reason in result.rejected)
        indexed = _commit(result.rows, self._owner, self._space) if result.rows else 0
        if indexed:
            live_index.sync_engine(spaces.active_generation())
        self._stats.add(indexed, failed)


@contextmanager
def batch_indexer(space: FeatureSpace, stats: IndexingStats) -> Iterator[BatchIndexer]:
    """Yield a `BatchIndexer`. Images that are leased and not committed at the end of the block are released.

    Raises:
        WeightsUnavailable: the weights of the network of `space` are missing.
    """
    with leases.lease_owner(Image) as owner:
        indexer = BatchIndexer(space, owner, stats)
        try:
            yield indexer
        except (ImageSearchError, SpaceChanged, DatabaseError, KeyboardInterrupt):
            Image.objects.release_without_attempt(owner)  # the images are not the cause
            raise
        finally:
            indexer.close()


def prepare_batch(
    images: list[Image],
    extractor: Extractor,
    pool: ThreadPoolExecutor,
    prepared: Mapping[str, PreparedPicture] | None = None,
) -> PendingBatch:
    """Have the threads of `pool` prepare the images, except those in `prepared`, which is indexed by digest."""

    def submit(image: Image) -> Callable[[], PreparedPicture]:
        if prepared and image.sha256 in prepared:
            return partial(prepared.__getitem__, image.sha256)
        return pool.submit(prepare_image, image, extractor).result

    return PendingBatch(images, [submit(image) for image in images])


def _extract_batch(batch: PendingBatch, extractor: Extractor) -> BatchResult:
    ready, rejected = collect_prepared(batch)
    return BatchResult(extract(ready, extractor) if ready else [], rejected)


def prepare_image(image: Image, extractor: Extractor) -> PreparedPicture:
    """Read the original of an image and return the network input. Raises PictureRejected, StoreUnavailable."""
    if image.attempts > MAX_ATTEMPTS:
        raise PictureRejected(
            "stops_workers",
            "The worker stopped unexpectedly {count} times while indexing this image. "
            "Check the worker's log, then retry the image in the admin.",
            count=MAX_ATTEMPTS,
        )
    return files.render_original(image, *extractor.resizers, min_side=extractor.space.decoded_side).arrays


def collect_prepared(batch: PendingBatch) -> tuple[list[tuple[Image, PreparedPicture]], list[tuple[Image, str]]]:
    """Wait for a batch. Returns the images with their inputs, and the images that cannot be read with the reason.

    Raises:
        StoreUnavailable: originals cannot be read.
        CancelledError: the work was stopped.
    """
    ready, rejected = [], []
    for image, prepared in zip(batch.images, batch.prepared_inputs, strict=True):
        try:
            ready.append((image, prepared()))
        except (StoreUnavailable, CancelledError):
            raise
        except PictureRejected as error:
            rejected.append((image, str(error)))
        except Exception as error:  # a single picture must never stop a batch
            logger.exception("Image %s could not be prepared for the network", image.pk)
            rejected.append((image, f"The picture could not be read: {error or type(error).__name__}."))
    return ready, rejected


def extract(ready: list[tuple[Image, PreparedPicture]], extractor: Extractor) -> list[DescriptorRow]:
    """Run the network on prepared images and return their descriptors, in the same order."""
    vectors = extractor.extract([pixels for _, pixels in ready])
    return [DescriptorRow(image.pk, image.sha256, vector) for (image, _), vector in zip(ready, vectors, strict=True)]


def _commit(rows: list[DescriptorRow], owner: str, space: FeatureSpace) -> int:
    """The commit point: write the segment durably, then register it in one transaction. Returns the image count."""
    with file_commit_lock():
        segment = store.write_segment(space, rows)
        with transaction.atomic():
            return _register_indexed(segment, rows, owner)


def _register_indexed(segment: Segment, rows: list[DescriptorRow], owner: str) -> int:
    # Query twice: after PostgreSQL has waited for a swap, the first query finds the old generation retired, but does
    # not see the new one yet.
    active_generations = Generation.objects.select_for_update().filter(
        space=segment.space, state=Generation.State.ACTIVE
    )
    if not (active_generations.first() or active_generations.first()):
        raise SpaceChanged
    leased_images = (
        Image.objects.pending().select_for_update().filter(pk__in=[row.image_id for row in rows], lease_owner=owner)
    )
    # Without images that were deleted since, or leased by another worker after this lease had expired.
    live_ids = set(leased_images.values_list("pk", flat=True))
    store.register_segment(segment, rows, live_ids)
    indexed = Image.objects.filter(pk__in=live_ids)
    return indexed.update(status=Image.Status.INDEXED, lease_owner="", lease_expires_at=None, attempts=0)


def _mark_failed(image: Image, owner: str, reason: str) -> int:
    return Image.objects.filter(pk=image.pk, lease_owner=owner).update(
        status=Image.Status.FAILED, failure_reason=reason[:500], lease_owner="", lease_expires_at=None
    )


def requeue_failed(images: ImageQuerySet) -> int:
    """Make the failed ones of `images` pending again. Returns their number."""
    return images.failed().set_pending()
