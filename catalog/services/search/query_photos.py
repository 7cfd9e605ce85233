"""Query photos: stored for a limited time, so that a results page has a URL. They are not part of the catalogue."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import numpy as np
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from catalog.exceptions import QueryPhotoExpired
from catalog.imaging.crops import Box
from catalog.imaging.filenames import sanitise_filename
from catalog.imaging.limits import PictureLimits
from catalog.imaging.thumbnails import encode_within
from catalog.models import QueryPhoto
from catalog.services.index import spaces
from catalog.services.search import explanations, queries, query_photo_quota
from catalog.services.search.explanations import Activations
from catalog.services.search.queries import Query

# Large enough to be cropped, and to be extracted again after a rebuild into another feature space.
STORED_SIDE, STORED_QUALITY = 1024, 90  # pixels, and WebP quality
# Noise does not become small, and nobody has to look at it.
MAX_STORED_BYTES, REDUCED_QUALITY = 512 * 1024, 15
STORED_PICTURE = partial(
    encode_within,
    max_side=STORED_SIDE,
    quality=STORED_QUALITY,
    max_bytes=MAX_STORED_BYTES,
    reduced_quality=REDUCED_QUALITY,
)
# A long and narrow photo that was accepted may be smaller than the site's minimum once it is reduced.
STORED_LIMITS = PictureLimits(min_side=1)


def store_photo(data: bytes, name: str, owner: str = "") -> QueryPhoto:
    """Extract the descriptor of a photo and store both until the photo expires.

    The stored picture is reduced to STORED_SIDE and has no metadata. What its owner sends again is not stored again.
    Expired photos are deleted first, and others if there are too many.

    Args:
        owner: who searches: see `query_photo_quota`.

    Raises:
        PictureRejected, NoIndexedImages, WeightsUnavailable, Overloaded: nothing was stored.
    """
    delete_expired()
    identity = {"owner": owner, "digest": sha256(data).hexdigest(), "label": sanitise_filename(name)}
    stored = QueryPhoto.objects.filter(**identity).first()
    if stored is None:
        query_photo_quota.make_room(owner)
        stored, _created = QueryPhoto.objects.get_or_create(**identity, defaults=_described_photo(data))
    elif stored.expires_at is not None:
        stored.expires_at = default_expiry()
        stored.save(update_fields=["expires_at"])
    return stored


def _described_photo(data: bytes) -> dict[str, object]:
    """Return what is stored of a photo: its picture and its descriptor."""
    space = queries.require_active_space()
    # Decoded once, for the network: the stored picture of a large JPEG may be smaller than STORED_SIDE.
    rendering = queries.render_photo(data, space, STORED_PICTURE)
    query = queries.prepared_query(rendering.arrays, space)
    return {
        "picture": rendering.files[0],
        "picture_bytes": len(rendering.files[0]),
        "space_key": query.space.key,
        "descriptor": query.vector.astype("<f4").tobytes(),
        "expires_at": default_expiry(),
    }


def get_photo(token: str) -> QueryPhoto:
    """Return the photo with this token. Raises QueryPhotoExpired if it has expired or never existed."""
    photo = QueryPhoto.objects.filter(_unexpired(), token=token).first()
    if photo is None:
        raise QueryPhotoExpired(
            "Photos that you search with are stored for a limited time. This one has been deleted. "
            "Upload it again to repeat the search."
        )
    return photo


def unexpired_photos(tokens: Collection[str]) -> list[QueryPhoto]:
    """Return the photos with these tokens that have not expired."""
    return list(QueryPhoto.objects.filter(_unexpired(), token__in=tokens)) if tokens else []


def photo_query(photo: QueryPhoto) -> Query:
    """Return the descriptor of a photo in the active space.

    After a rebuild into another space it is extracted again, and stored.
    """
    space = spaces.active_space()
    if space and photo.space_key == space.key:
        return Query(np.frombuffer(bytes(photo.descriptor), "<f4"), space)
    query = queries.extract_query(bytes(photo.picture), limits=STORED_LIMITS)
    photo.space_key, photo.descriptor = query.space.key, query.vector.astype("<f4").tobytes()
    photo.save(update_fields=["space_key", "descriptor"])
    return query


def compute_stored_activations(photo: QueryPhoto, box: Box | None = None) -> Activations:
    """Run the active network over a stored photo, or over the crop `box` of it.

    The stored picture is reduced, so the score of the explanation may differ slightly from that of the search.
    """
    return explanations.compute_photo_activations(bytes(photo.picture), box, limits=STORED_LIMITS)


def default_expiry() -> datetime:
    """Return when a photo expires that is stored now."""
    return timezone.now() + timedelta(hours=settings.QUERY_HOURS)


def delete_expired() -> int:
    """Delete expired photos, and photos of saved searches that were deleted with their account; return how many."""
    expired = Q(expires_at__lte=timezone.now()) | Q(expires_at=None, saved_searches=None)
    return QueryPhoto.objects.filter(expired).delete()[0]


def _unexpired() -> Q:
    return Q(expires_at__gt=timezone.now()) | Q(expires_at=None)
