"""Queries: the descriptors that searches compare with the catalogue."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from django.core.cache import cache

from catalog.exceptions import NoIndexedImages, SegmentDamaged, gettext_noop
from catalog.features.extractors import PreparedPicture
from catalog.imaging.crops import Box
from catalog.imaging.decoders import Renderer, Rendering
from catalog.imaging.limits import PictureLimits
from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services.index import spaces, store
from catalog.services.media import files
from catalog.services.media.decoding import REQUEST_WAIT, render
from catalog.services.media.upload_limits import limits_for_image, query_limits
from catalog.services.monitoring import process_metrics
from catalog.vectors.segments import open_segment

NOTHING_INDEXED_MESSAGE = gettext_noop(
    "There are no searchable images yet. Add images and wait until they are indexed."
)

CACHE_SECONDS = 3600


@dataclass(frozen=True)
class Query:
    """A descriptor to search with.

    Attributes:
        vector: float32, d, of unit length.
        space: the feature space of `vector`. It is searched even if a rebuild activates another space meanwhile.
    """

    vector: np.ndarray
    space: FeatureSpace


def extract_query(data: bytes, box: Box | None = None, *, limits: PictureLimits | None = None) -> Query:
    """Compute the descriptor of a photo, or of the crop `box` of it, in the active space.

    Without a crop the photo is decoded exactly as images of the catalogue are, so that equal bytes give equal
    descriptors.

    Args:
        data: the bytes of the photo.
        limits: what is accepted; by default the limits of the site.

    Raises:
        PictureRejected: the bytes are not an accepted picture.
        NoIndexedImages: there is no active space yet.
        WeightsUnavailable: the weights of the network are missing.
        CropRejected: the crop extends beyond the photo.
        Overloaded: too many pictures are being decoded.
    """
    space = require_active_space()
    return prepared_query(render_photo(data, space, box=box, limits=limits).arrays, space)


def prepared_query(prepared: PreparedPicture, space: FeatureSpace) -> Query:
    """Run the network of `space` on its inputs for a photo. Raises WeightsUnavailable."""
    with process_metrics.time_stage("network"):
        return Query(spaces.get_extractor(space).extract([prepared])[0], space)


def image_query(image: Image) -> Query | None:
    """Return the stored descriptor of an image in the active space; None if it has none.

    Raises:
        SegmentDamaged: the segment that holds it cannot be read.
    """
    active_generations = Generation.objects.filter(state=Generation.State.ACTIVE).values("space")
    descriptors = Descriptor.objects.filter(image=image, space__in=active_generations).select_related(
        "segment", "space"
    )
    while descriptor := descriptors.first():
        try:
            vectors = open_segment(store.segment_path(descriptor.segment.name)).vectors
            return Query(np.array(vectors[descriptor.row]), descriptor.space)
        except SegmentDamaged:
            if Segment.objects.filter(pk=descriptor.segment_id).exists():
                raise
            # The segment was merged into another one meanwhile: read the row again.
    return None


def image_crop_query(image: Image, box: Box) -> Query:
    """Return the descriptor of a crop of an image, in pixels of its upright original.

    Raises:
        PictureRejected: the original file is missing or altered.
        StoreUnavailable: the storage cannot be read.
        CropRejected, NoIndexedImages, WeightsUnavailable, Overloaded: as `extract_query`.
    """
    return cached_query(image.sha256, lambda: files.read(image), box, limits_for_image(image))


def cached_query(name: str, read: Callable[[], bytes], box: Box | None, limits: PictureLimits) -> Query:
    """Return what `extract_query` returns for the picture that `read` returns. Every page of the results needs it.

    Args:
        name: identifies the picture in the cache.
    """
    space = spaces.active_space()
    cached = cache.get(_cache_key(name, box, space)) if space else None
    process_metrics.count_cache_lookup("crops", is_hit=cached is not None)
    if space and cached:
        return Query(np.frombuffer(b64decode(cached), "<f4"), space)
    query = extract_query(read(), box, limits=limits)
    vector = b64encode(query.vector.astype("<f4").tobytes()).decode()  # the cache holds JSON
    cache.set(_cache_key(name, box, query.space), vector, CACHE_SECONDS)
    return query


def _cache_key(name: str, box: Box | None, space: FeatureSpace) -> str:
    return f"crop-{name}-{box or 'whole'}-{space.key}"


def render_photo(
    data: bytes,
    space: FeatureSpace,
    *renderers: Renderer,
    box: Box | None = None,
    limits: PictureLimits | None = None,
) -> Rendering:
    """Decode a photo, or the crop `box` of it, once: for the network of `space` and for `renderers`.

    Returns:
        Its first arrays are the inputs of the network.

    Raises:
        PictureRejected, CropRejected, Overloaded, WeightsUnavailable: as `extract_query`.
    """
    extractor = spaces.get_extractor(space)
    with process_metrics.count_failed_search(), process_metrics.time_stage("decode"):
        return render(
            data,
            limits or query_limits(),
            *extractor.resizers,
            *renderers,
            min_decoded_side=None if box else extractor.space.decoded_side,
            box=box,
            wait_seconds=REQUEST_WAIT,
        )


def require_active_space() -> FeatureSpace:
    """Return the active space. Raises NoIndexedImages if there is none yet."""
    space = spaces.active_space()
    if space is None:
        raise NoIndexedImages(NOTHING_INDEXED_MESSAGE)
    return space
