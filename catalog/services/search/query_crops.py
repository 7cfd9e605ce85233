"""Queries by a crop of a picture. Their descriptors are cached, since every page of the results needs them."""

from base64 import b64decode, b64encode
from collections.abc import Callable

import numpy as np
from django.core.cache import cache

from catalog.imaging.crops import Box
from catalog.imaging.limits import PictureLimits
from catalog.models import FeatureSpace, Image, QueryPhoto
from catalog.services.index import spaces
from catalog.services.media import files
from catalog.services.media.upload_limits import limits_for_image
from catalog.services.monitoring import process_metrics
from catalog.services.search import queries, query_photos
from catalog.services.search.queries import Query

CACHE_SECONDS = 3600


def photo_crop_query(photo: QueryPhoto, box: Box) -> Query:
    """Return the descriptor of a crop of a query photo, in pixels of its stored picture.

    Raises:
        CropRejected, NoIndexedImages, WeightsUnavailable: as `queries.extract_query`.
    """
    return _cached_query(photo.token, lambda: bytes(photo.picture), box, query_photos.STORED_LIMITS)


def image_crop_query(image: Image, box: Box) -> Query:
    """Return the descriptor of a crop of an image, in pixels of its upright original.

    Raises:
        PictureRejected: the original file is missing or altered.
        StoreUnavailable: the storage cannot be read.
        CropRejected, NoIndexedImages, WeightsUnavailable: as `queries.extract_query`.
    """
    return _cached_query(image.sha256, lambda: files.read(image), box, limits_for_image(image))


def _cached_query(name: str, read: Callable[[], bytes], box: Box, limits: PictureLimits) -> Query:
    space = spaces.active_space()
    cached = cache.get(_cache_key(name, box, space)) if space else None
    process_metrics.count_cache_lookup("crops", is_hit=cached is not None)
    if space and cached:
        return Query(np.frombuffer(b64decode(cached), "<f4"), space)
    query = queries.extract_query(read(), box, limits=limits)
    vector = b64encode(query.vector.astype("<f4").tobytes()).decode()  # the cache holds JSON
    cache.set(_cache_key(name, box, query.space), vector, CACHE_SECONDS)
    return query


def _cache_key(name: str, box: Box, space: FeatureSpace) -> str:
    return f"crop-{name}-{box}-{space.key}"
