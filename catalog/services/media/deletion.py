"""Deletion of images: searches in every process no longer find them as soon as the transaction commits."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.models import Image
from catalog.querysets import ImageQuerySet
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.media import files
from catalog.services.media.file_locks import orphan_cleanup_lock

logger = logging.getLogger(__name__)

# How long a deletion waits for uploads that are writing files; after that it leaves the files to the cleanup.
CLEANUP_TIMEOUT_SECONDS = 2.0
# Files that are deleted before waiting uploads get their turn. On S3, each takes some 50 ms.
FILES_PER_LOCK = 50


def delete(images: ImageQuerySet) -> int:
    """Delete images, and their files after the commit. Returns the number of deleted images.

    Their rows in the feature store become dead: the foreign key of `Descriptor` is set to NULL.
    """
    with transaction.atomic():
        locked_images = list(Image.objects.filter(pk__in=images.values("pk")).select_for_update())
        names = [name for image in locked_images for name in files.names_of(image)]
        Image.objects.filter(pk__in=[image.pk for image in locked_images]).delete()
        if locked_images:
            audit.record(Action.DELETED, *locked_images)
        transaction.on_commit(lambda: _delete_unreferenced_files(names))
    return len(locked_images)


def delete_unreferenced(names: Sequence[str], *, lock_timeout: float, min_age: timedelta = timedelta()) -> int:
    """Delete those of the media files `names` that no image references, and return their number.

    Args:
        lock_timeout: seconds to wait for uploads that are writing files.
        min_age: younger files are kept.

    Raises:
        CatalogueBusy: files were still being written.
        StoreUnavailable: the storage, or the lock file, is not accessible.
    """
    count = 0
    for start in range(0, len(names), FILES_PER_LOCK):
        with orphan_cleanup_lock(lock_timeout):
            # Under the lock, because the same pictures may have been added again.
            for name in files.filter_unreferenced(names[start : start + FILES_PER_LOCK]):
                if not min_age or is_older(name, min_age):
                    files.delete(name)
                    count += 1
    return count


def is_older(name: str, age: timedelta) -> bool:
    """Return whether a media file was written longer than `age` ago; False if it is gone. Raises StoreUnavailable."""
    with suppress(FileNotFoundError):
        return files.modified_at(name) < timezone.now() - age
    return False


def _delete_unreferenced_files(names: Sequence[str]) -> None:
    try:
        delete_unreferenced(names, lock_timeout=CLEANUP_TIMEOUT_SECONDS)
    except (CatalogueBusy, StoreUnavailable) as error:
        logger.info("Files of deleted images were kept for the next cleanup: %s", error)
