"""Thumbnails and originals.

Caches may keep them for a minute and then have to ask again: so a deleted image is gone everywhere within a minute.
The answer to a cache whose copy is current is short, and takes one query of the database.
"""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from catalog.exceptions import ImageGone, MetadataNotRemovable, gettext_noop
from catalog.imaging.formats import JPEG, MEDIA_TYPES
from catalog.models import Image
from catalog.services.media import public_files
from catalog.views.access import search_access_required
from catalog.views.media.responses import ServedFile, respond

# Who may change images gets originals with their metadata.
METADATA_PERMISSION = "catalog.change_image"
DIGEST_PATTERN = re.compile(r"[0-9a-f]{64}")
# Part of the ETag: to be increased when metadata are removed in another way.
REMOVAL_VERSION = 1


@require_safe
@search_access_required
def thumbnail(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """Serve a thumbnail."""
    image = _get_image(sha256)
    # Thumbnails were WebP before they became JPEG.
    content_type = "image/webp" if str(image.thumbnail).endswith(".webp") else "image/jpeg"
    etag = f'"{sha256}-{image.thumbnail_width}x{image.thumbnail_height}"'
    modified_at = int(image.created_at.timestamp())
    return respond(
        request,
        ServedFile(
            etag,
            modified_at,
            content_type,
            is_private=settings.SEARCH_REQUIRES_LOGIN,
            open=lambda: public_files.open_thumbnail(image),
        ),
    )


@require_safe
@search_access_required
def original(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """Serve the original, without its metadata to visitors; `?download` makes the browser save it.

    Visitors get a JPEG if the metadata cannot be removed.
    """
    image = _get_image(sha256)
    with_metadata = request.user.has_perm(METADATA_PERMISSION)
    stem = PurePosixPath(image.source).stem
    file = ServedFile(
        f'"{sha256}"' if with_metadata else f'"{sha256}-public{REMOVAL_VERSION}"',
        int(image.created_at.timestamp()),
        MEDIA_TYPES[image.format],
        is_private=with_metadata or settings.SEARCH_REQUIRES_LOGIN,
        open=lambda: public_files.open_original(image, with_metadata=with_metadata),
        filename=stem + PurePosixPath(str(image.original)).suffix,
        download="download" in request.GET,
    )
    try:
        return respond(request, file)
    except MetadataNotRemovable:
        rendition = replace(
            file,
            etag=f'"{sha256}-jpeg{REMOVAL_VERSION}"',
            content_type=MEDIA_TYPES[JPEG.name],
            open=lambda: public_files.open_rendition(image),
            filename=stem + JPEG.extension,
        )
        return respond(request, rendition)


def _get_image(sha256: str) -> Image:
    """Return the image with this digest.

    Raises ImageGone for every other digest: what was deleted is not recorded, and who knows the digest of a picture
    mostly has it from the catalogue.
    """
    if not DIGEST_PATTERN.fullmatch(sha256):
        raise Http404
    image = Image.objects.filter(sha256=sha256).first()
    if image is None:
        raise ImageGone(gettext_noop("This image was deleted, or never was in the catalogue."))
    return image
