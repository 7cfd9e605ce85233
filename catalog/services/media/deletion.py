"""Deletion of images: searches in every process no longer find them as soon as the transaction commits."""

import logging
from collections.abc import Sequence

from django.db import transaction

from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.models import Image
from catalog.querysets import ImageQuerySet
from catalog.services.media import files
from catalog.services.media.file_locks import orphan_cleanup_lock

logger = logging.getLogger(__name__)

# How long a deletion waits for uploads that are writing files; after that it leaves the files to the cleanup.
CLEANUP_TIMEOUT_SECONDS = 2.0


def delete(images: ImageQuerySet) -> int:
    """Delete images, and their files after the commit. Returns the number of deleted images.

    Their rows in the feature store become dead: the foreign key of `Descriptor` is set to NULL.
    """
    with transaction.atomic():
        locked_images = list(Image.objects.filter(pk__in=images.values("pk")).select_for_update())
        names = [name for image in locked_images for name in (str(image.original), str(image.thumbnail))]
        Image.objects.filter(pk__in=[image.pk for image in locked_images]).delete()
        transaction.on_commit(lambda: _delete_unreferenced_files(names))
    return len(locked_images)


def _delete_unreferenced_files(names: Sequence[str]) -> None:
    """Delete media files unless an image references them, because the same picture may have been added again since."""
    try:
        with orphan_cleanup_lock(CLEANUP_TIMEOUT_SECONDS):
            for name in files.filter_unreferenced(names):
                files.delete(name)
    except (CatalogueBusy, StoreUnavailable) as error:
        logger.info("Files of deleted images were kept for the next cleanup: %s", error)
