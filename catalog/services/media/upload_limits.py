"""The limits on pictures and archives, from the settings."""

from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from catalog.imaging.limits import ArchiveLimits, PictureLimits
from catalog.models import Image


def picture_limits() -> PictureLimits:
    """The limits on new pictures."""
    return PictureLimits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_pixels=settings.MAX_PIXELS,
        max_side=settings.MAX_SIDE,
        min_side=settings.MIN_SIDE,
    )


def read_picture(file: IO[bytes] | UploadedFile) -> bytes:
    """Read a file up to one byte beyond the limit, so that a file that is too large is detected, but not read whole."""
    return file.read(picture_limits().max_bytes + 1)


def limits_for_image(image: Image) -> PictureLimits:
    """Limits that the original of `image` meets: it was accepted once, whatever the settings are today."""
    return PictureLimits(image.bytes, image.width * image.height, max(image.width, image.height), min_side=1)


def archive_limits() -> ArchiveLimits:
    """The limits on archives of pictures."""
    return ArchiveLimits(max_entries=settings.MAX_ARCHIVE_ENTRIES, max_total_bytes=settings.MAX_ARCHIVE_BYTES)
