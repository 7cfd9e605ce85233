"""Query photos: stored for a limited time, so that a results page has a URL. They are not part of the catalogue.

They are files; a saved search has copies in the database, which are kept as long as it exists.
"""

from collections.abc import Collection
from functools import partial
from hashlib import sha256
from io import BytesIO

import numpy as np
from PIL import Image

from catalog.exceptions import QueryPhotoExpired
from catalog.imaging.crops import Box
from catalog.imaging.filenames import sanitise_filename
from catalog.imaging.limits import PictureLimits
from catalog.imaging.thumbnails import encode_within
from catalog.models import SavedPhoto
from catalog.services.index import spaces
from catalog.services.search import explanations, queries, query_photo_files, query_photo_quota
from catalog.services.search.explanations import Activations
from catalog.services.search.queries import Query
from catalog.services.search.query_photo_files import QueryPhoto

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
    If there are too many photos, others are deleted.

    Args:
        owner: who searches, as `clients.client_key` returns it.

    Raises:
        PictureRejected, NoIndexedImages, WeightsUnavailable, Overloaded, StoreUnavailable: nothing was stored.
    """
    label = sanitise_filename(name)
    token = query_photo_files.token_for(owner, sha256(data).hexdigest(), label)
    stored = _find(token)
    if stored is None:
        photo = _described_photo(token, label, data)
        query_photo_quota.make_room(owner, len(photo.picture) + len(photo.descriptor))
        return query_photo_files.write(photo)
    return stored if stored.expires_at is None else query_photo_files.renew(stored)


def get_photo(token: str) -> QueryPhoto:
    """Return the photo with this token. Raises QueryPhotoExpired if it has expired or never existed."""
    photo = _find(token)
    if photo is None:
        raise QueryPhotoExpired(
            "Photos that you search with are stored for a limited time. This one has been deleted. "
            "Upload it again to repeat the search."
        )
    return photo


def unexpired_photos(tokens: Collection[str]) -> list[QueryPhoto]:
    """Return the photos with these tokens that have not expired."""
    return [photo for token in tokens if (photo := _find(token))]


def photo_query(photo: QueryPhoto, box: Box | None = None) -> Query:
    """Return the descriptor of a photo, or of a crop of it, in the active space.

    Crops are extracted and cached, as are photos that were stored before a rebuild into another space.

    Args:
        box: the crop, in pixels of the stored picture; None for the whole photo.

    Raises:
        CropRejected, NoIndexedImages, WeightsUnavailable, Overloaded: as `queries.extract_query`.
    """
    space = spaces.active_space()
    if box is None and space and photo.space_key == space.key:
        return Query(np.frombuffer(photo.descriptor, "<f4"), space)
    return queries.cached_query(photo.token, lambda: photo.picture, box, STORED_LIMITS)


def picture_size(photo: QueryPhoto) -> tuple[int, int]:
    """Return width and height of the stored picture, in pixels."""
    return Image.open(BytesIO(photo.picture)).size


def compute_stored_activations(photo: QueryPhoto, box: Box | None = None) -> Activations:
    """Run the active network over a stored photo, or over the crop `box` of it.

    The stored picture is reduced, so the score of the explanation may differ slightly from that of the search.
    """
    return explanations.compute_photo_activations(photo.picture, box, limits=STORED_LIMITS)


def _find(token: str) -> QueryPhoto | None:
    saved = SavedPhoto.objects.filter(token=token).first()
    if saved is None:
        return query_photo_files.read(token)
    return QueryPhoto(token, saved.label, bytes(saved.picture), saved.space_key, bytes(saved.descriptor), None)


def _described_photo(token: str, label: str, data: bytes) -> QueryPhoto:
    """Decode a photo and extract its descriptor."""
    space = queries.require_active_space()
    # Decoded once, for the network: the stored picture of a large JPEG may be smaller than STORED_SIDE.
    rendering = queries.render_photo(data, space, STORED_PICTURE)
    descriptor = queries.prepared_query(rendering.arrays, space).vector.astype("<f4").tobytes()
    return QueryPhoto(token, label, rendering.files[0], space.key, descriptor, None)
