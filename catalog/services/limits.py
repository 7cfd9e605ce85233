"""The limits of pictures and archives, as the settings have them."""

from django.conf import settings

from catalog.imaging.archives import ArchiveLimits
from catalog.imaging.limits import Limits


def picture_limits() -> Limits:
    return Limits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_pixels=settings.MAX_PIXELS,
        max_side=settings.MAX_SIDE,
        min_side=settings.MIN_SIDE,
    )


def archive_limits() -> ArchiveLimits:
    return ArchiveLimits(max_entries=settings.MAX_ARCHIVE_ENTRIES, max_total_bytes=settings.MAX_ARCHIVE_BYTES)
