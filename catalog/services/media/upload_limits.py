"""The limits on pictures and archives, from the settings."""

from dataclasses import replace
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
        max_memory=settings.MAX_DECODING_BYTES,
        max_seconds=settings.MAX_DECODING_SECONDS,
    )


def query_limits() -> PictureLimits:
    """The limits on query photos, which anybody may send: lower than those on pictures of the catalogue.

    A photo may take half the memory, and a third of the time.
    """
    limits = picture_limits()
    return replace(
        limits,
        max_bytes=min(limits.max_bytes, settings.MAX_QUERY_BYTES),
        max_pixels=min(limits.max_pixels, settings.MAX_QUERY_PIXELS),
        max_memory=limits.max_memory // 2,
        max_seconds=max(1, limits.max_seconds // 3),
    )


def read_picture(file: IO[bytes] | UploadedFile) -> bytes:
    """Read a file up to one byte beyond the limit, so that a file that is too large is detected, but not read whole."""
    return file.read(picture_limits().max_bytes + 1)


def limits_for_image(image: Image) -> PictureLimits:
    """Limits that the original of `image` meets: it was accepted once, whatever the settings are today.

    Memory and time are limited as for new pictures.
    """
    return replace(
        picture_limits(),
        max_bytes=image.bytes,
        max_pixels=image.width * image.height,
        max_side=max(image.width, image.height),
        min_side=1,
    )


def archive_limits() -> ArchiveLimits:
    """The limits on archives of pictures."""
    return ArchiveLimits(max_entries=settings.MAX_ARCHIVE_ENTRIES, max_total_bytes=settings.MAX_ARCHIVE_BYTES)
