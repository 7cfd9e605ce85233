"""Commit of a batch of new pictures: write their files, insert their rows, report a result for each file."""

import logging
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.db import IntegrityError, transaction

from catalog.exceptions import ImageSearchError, Overloaded, PictureRejected
from catalog.models import AuditEntry, Image, ImportedFile, Tag
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction
from catalog.services.ingest.batch import (
    CheckedPicture,
    PreparedBatch,
    ReadFile,
    ThreadPools,
    check_picture,
    images_by_digest,
)
from catalog.services.jobs.leases import Lease
from catalog.services.media import files
from catalog.services.media.file_locks import file_commit_lock

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileResult:
    """The result for one file: a new image, the existing image of a duplicate, or the error that rejects the file."""

    name: str
    outcome: ImportedFile.Outcome
    image: Image | None = None
    error: ImageSearchError | None = None

    @property
    def reason(self) -> str:
        """The message of the error, in English; empty if there is none."""
        return str(self.error) if self.error else ""


def commit_batch(  # noqa: PLR0913, all but two are keyword-only
    batch: PreparedBatch,
    pools: ThreadPools,
    *,
    tags: Sequence[Tag] = (),
    user: Any = None,
    lease: Lease | None = None,
    entry: AuditEntry | None = None,
) -> list[FileResult]:
    """Store the files of a prepared batch and insert its images. Returns a result for each file, in their order.

    If an image with the same bytes exists, it is returned unchanged; its files are restored if they are missing or
    altered. A rejected file does not affect the others.

    Args:
        lease: the new images are inserted with this lease.
        entry: of the audit log, counts the new images; None to record them in an entry of their own.

    Raises:
        StoreUnavailable: the files cannot be written. No file of the batch was added.
        CatalogueBusy: a cleanup holds the lock on files. No file of the batch was added.
        Overloaded: too many pictures are being decoded. No file of the batch was added.
    """
    wait(batch.futures.values())
    with file_commit_lock():
        existing = images_by_digest([read_file.digest for read_file in batch.files])
        ready, rejected = _collect_checked(batch, existing)
        new_images = list(pools.io.map(_store_files, ready))
        for image in new_images:
            image.uploaded_by = user
            if lease:
                lease.apply_to(image)
        _restore_files([read_file for read_file in batch.files if read_file.digest in existing], existing)
        inserted = _insert(sorted(new_images, key=lambda image: image.sha256), tags, entry)
    current = images_by_digest([*existing, *(image.sha256 for image in new_images if image.sha256 not in inserted)])
    return _build_results(batch.files, {**existing, **rejected, **inserted, **current}, set(inserted))


def _collect_checked(
    batch: PreparedBatch, existing: dict[str, Image]
) -> tuple[list[CheckedPicture], dict[str, PictureRejected]]:
    """The pictures to add, and the rejected ones by digest."""
    ready: dict[str, CheckedPicture] = {}
    rejected: dict[str, PictureRejected] = {}
    for read_file in batch.files:
        if not read_file.digest or read_file.digest in {**existing, **ready, **rejected}:
            continue
        future = batch.futures.get(read_file.digest)
        try:
            # Without a future the image existed when the batch was prepared, and has been deleted since.
            ready[read_file.digest] = future.result() if future else check_picture(read_file, None)
        except Overloaded:
            raise
        except PictureRejected as error:
            rejected[read_file.digest] = error
        except Exception as error:  # a single picture must never stop an import
            logger.exception("%s could not be added", read_file.name)
            rejected[read_file.digest] = PictureRejected(
                "damaged", "The picture could not be read: {error}.", error=error
            )
    return list(ready.values()), rejected


def _store_files(checked: CheckedPicture) -> Image:
    """Write the original and the thumbnail. Raises StoreUnavailable."""
    image = checked.image
    image.original = files.save(files.original_path(image.sha256, checked.extension), checked.original)
    image.thumbnail = files.save(files.thumbnail_path(image.sha256), checked.thumbnail)
    return image


def _insert(images: list[Image], tags: Sequence[Tag], entry: AuditEntry | None) -> dict[str, Image]:
    """Insert the images that no other process has inserted since. Returns them by digest.

    Args:
        images: sorted by digest, so that two processes that insert the same images cannot deadlock.
    """
    while True:
        existing = images_by_digest([image.sha256 for image in images])
        new_images = [image for image in images if image.sha256 not in existing]
        try:
            with transaction.atomic():
                Image.objects.bulk_create(new_images)
                _add_tags(new_images, tags)
                _record_added(new_images, entry)
            return {image.sha256: image for image in new_images}
        except IntegrityError:
            if not images_by_digest([image.sha256 for image in new_images]):
                raise
            for image in new_images:  # another process has just inserted one of them: try again without it
                image.pk = None


def _add_tags(images: list[Image], tags: Sequence[Tag]) -> None:
    TagLink = Image.tags.through
    TagLink.objects.bulk_create([TagLink(image=image, tag=tag) for image in images for tag in tags])


def _record_added(images: list[Image], entry: AuditEntry | None) -> None:
    if entry:
        audit.add_to_count(entry, len(images))
    elif images:
        audit.record(Action.ADDED, *images)


def _restore_files(duplicates: list[ReadFile], existing: dict[str, Image]) -> None:
    """Restore missing or altered files of images from duplicates with the same bytes."""
    for read_file in duplicates:
        image = existing[read_file.digest]
        if files.is_original_lost(image):
            files.save(str(image.original), read_file.data)
            extraction.requeue_failed(Image.objects.filter(pk=image.pk))
        if not files.has_thumbnail(image):
            try:
                files.create_thumbnail(image)
            except PictureRejected:  # the original exists, but is altered
                files.save(str(image.original), read_file.data)
                files.create_thumbnail(image)


def _build_results(
    read_files: list[ReadFile], images_or_errors: dict[str, Image | ImageSearchError], inserted: set[str]
) -> list[FileResult]:
    Outcome = ImportedFile.Outcome
    results, reported = [], set()
    for read_file in read_files:
        image_or_error = read_file.error or images_or_errors[read_file.digest]
        if isinstance(image_or_error, ImageSearchError):
            results.append(FileResult(read_file.name, Outcome.REJECTED, error=image_or_error))
        elif read_file.digest in inserted and read_file.digest not in reported:
            reported.add(read_file.digest)
            results.append(FileResult(read_file.name, Outcome.ADDED, image_or_error))
        else:
            results.append(FileResult(read_file.name, Outcome.DUPLICATE, image_or_error))
    return results
