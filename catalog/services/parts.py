"""A part of a picture to search with. It is described once: every page of its results asks for it again."""

from collections.abc import Callable

import numpy as np
from django.core.cache import cache

from catalog.imaging.crops import Box
from catalog.imaging.limits import Limits
from catalog.models import FeatureSpace, Image, QueryPhoto
from catalog.services import originals, queries, searching, spaces
from catalog.services.limits import limits_of
from catalog.services.searching import Query

KEPT_FOR = 3600  # seconds


def of_photo(photo: QueryPhoto, box: Box) -> Query:
    """The descriptor of a part of a kept photo, in its pixels. Raises CropRefused, and as `searching.describe`."""
    return _described(photo.token, lambda: bytes(photo.picture), box, queries.KEPT_LIMITS)


def of_image(image: Image, box: Box) -> Query:
    """The descriptor of a part of an image, in pixels of its upright original. Raises as `of_photo` and `explain`."""
    return _described(image.sha256, lambda: originals.read(image), box, limits_of(image))


def _described(name: str, read: Callable[[], bytes], box: Box, limits: Limits) -> Query:
    generation = spaces.active()
    if generation and (known := cache.get(_key(name, box, generation.space))):
        return Query(np.frombuffer(known, "<f4"), generation.space)
    query = searching.describe(read(), box, limits=limits)
    cache.set(_key(name, box, query.space), query.vector.astype("<f4").tobytes(), KEPT_FOR)
    return query


def _key(name: str, box: Box, space: FeatureSpace) -> str:
    return f"part-{name}-{box}-{space.key}"
