"""Query photos: kept for a while so that a results page has an address, apart from the catalogue."""

import io
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.utils import timezone

from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits
from catalog.imaging.names import display_name
from catalog.models import QueryPhoto
from catalog.services import searching, spaces
from catalog.services.limits import picture_limits

# Large enough to be described again, and cropped, after a rebuild into another space.
KEPT_SIDE = 1024


def remember(data: bytes, name: str) -> QueryPhoto:
    """Describe a photo and keep it, made smaller and without its metadata, until it expires.

    Raises:
        PictureRefused, NothingIndexed, WeightsUnavailable: nothing was kept.
    """
    sweep()
    picture = decode(data, picture_limits(), at_least=KEPT_SIDE)
    descriptor = searching.describe(picture)
    small = picture.rgb.copy()
    small.thumbnail((KEPT_SIDE, KEPT_SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=90)
    return QueryPhoto.objects.create(
        label=display_name(name),
        picture=out.getvalue(),
        space_key=spaces.active_key(),
        descriptor=descriptor.astype("<f4").tobytes(),
        expires_at=timezone.now() + timedelta(hours=settings.QUERY_HOURS),
    )


def descriptor_of(photo: QueryPhoto) -> np.ndarray:
    """The photo's descriptor in the active space: float32, d. Made anew after a rebuild into another space."""
    if photo.space_key != spaces.active_key():
        # Made smaller, a long and narrow photo may lie below the limits that it passed.
        descriptor = searching.describe(decode(bytes(photo.picture), Limits(min_side=1)))
        photo.space_key, photo.descriptor = spaces.active_key(), descriptor.astype("<f4").tobytes()
        photo.save(update_fields=["space_key", "descriptor"])
    return np.frombuffer(bytes(photo.descriptor), "<f4")


def sweep() -> int:
    """Delete the photos that have expired; how many."""
    return QueryPhoto.objects.filter(expires_at__lte=timezone.now()).delete()[0]
