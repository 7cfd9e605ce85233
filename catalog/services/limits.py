"""The limits of pictures and archives, as the settings have them."""

from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from catalog.imaging.archives import ArchiveLimits
from catalog.imaging.limits import Limits
from catalog.models import Image


def picture_limits() -> Limits:
    return Limits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_pixels=settings.MAX_PIXELS,
        max_side=settings.MAX_SIDE,
        min_side=settings.MIN_SIDE,
    )


def read_picture(file: IO[bytes] | UploadedFile) -> bytes:
    """A file's bytes, but no more than one too many to be taken: that is enough to be told so."""
    return file.read(picture_limits().max_bytes + 1)


def limits_of(image: Image) -> Limits:
    """Those that a picture of the catalogue keeps: what was accepted once stays accepted, whatever holds today."""
    return Limits(image.bytes, image.width * image.height, max(image.width, image.height), min_side=1)


def archive_limits() -> ArchiveLimits:
    return ArchiveLimits(max_entries=settings.MAX_ARCHIVE_ENTRIES, max_total_bytes=settings.MAX_ARCHIVE_BYTES)
