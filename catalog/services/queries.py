"""Query photos: kept for a while so that a results page has an address, apart from the catalogue."""

from collections.abc import Collection
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from catalog.exceptions import QueryGone
from catalog.imaging.crops import Box
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits
from catalog.imaging.names import display_name
from catalog.imaging.thumbnails import thumbnail
from catalog.models import QueryPhoto
from catalog.services import searching, spaces
from catalog.services.explaining import Seen
from catalog.services.limits import picture_limits
from catalog.services.searching import Query

# Large enough to be described again, and cropped, after a rebuild into another space.
KEPT_SIDE, KEPT_QUALITY = 1024, 90
# Made smaller, a long and narrow photo may lie below the limits that it passed.
KEPT_LIMITS = Limits(min_side=1)


def remember(data: bytes, name: str) -> QueryPhoto:
    """Describe a photo and keep it, made smaller and without its metadata, until it expires.

    Raises:
        PictureRefused, NothingIndexed, WeightsUnavailable: nothing was kept.
    """
    sweep()
    query = searching.describe(data)
    picture = decode(data, picture_limits(), at_least=KEPT_SIDE)
    return QueryPhoto.objects.create(
        label=display_name(name),
        picture=thumbnail(picture.rgb, KEPT_SIDE, quality=KEPT_QUALITY),
        space_key=query.space.key,
        descriptor=query.vector.astype("<f4").tobytes(),
        expires_at=later(),
    )


def find(token: str) -> QueryPhoto:
    """The photo that is kept under `token`. Raises QueryGone where it has expired, or never was."""
    photo = QueryPhoto.objects.filter(_kept(), token=token).first()
    if photo is None:
        raise QueryGone(
            "Photos to search with are kept for a limited time, and this one has been deleted. Search with it again."
        )
    return photo


def still_kept(tokens: Collection[str]) -> list[QueryPhoto]:
    """Those photos that are still kept."""
    return list(QueryPhoto.objects.filter(_kept(), token__in=tokens)) if tokens else []


def descriptor_of(photo: QueryPhoto) -> Query:
    """The photo's descriptor in the active space. Made anew after a rebuild into another space."""
    generation = spaces.active()
    if generation and photo.space_key == generation.space.key:
        return Query(np.frombuffer(bytes(photo.descriptor), "<f4"), generation.space)
    query = searching.describe(bytes(photo.picture), limits=KEPT_LIMITS)
    photo.space_key, photo.descriptor = query.space.key, query.vector.astype("<f4").tobytes()
    photo.save(update_fields=["space_key", "descriptor"])
    return query


def seen(photo: QueryPhoto, box: Box | None = None) -> Seen:
    """The photo, or the part of it within a box, as `searching.explain` takes it.

    Made from what is kept, its descriptor may differ a little.
    """
    return searching.see(bytes(photo.picture), box, limits=KEPT_LIMITS)


def later() -> datetime:
    """When a photo expires that is kept from now on."""
    return timezone.now() + timedelta(hours=settings.QUERY_HOURS)


def _kept() -> Q:
    return Q(expires_at__gt=timezone.now()) | Q(expires_at=None)


def sweep() -> int:
    """Delete the photos that have expired, or whose searches went with an account; how many."""
    expired = Q(expires_at__lte=timezone.now()) | Q(expires_at=None, saved_searches=None)
    return QueryPhoto.objects.filter(expired).delete()[0]
