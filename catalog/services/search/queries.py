"""Queries: the descriptors that searches compare with the catalogue."""

from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage

from catalog.exceptions import NoIndexedImages, SegmentDamaged, gettext_noop
from catalog.imaging.crops import Box, crop
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from catalog.models import Descriptor, FeatureSpace, Generation, Image, Segment
from catalog.services.index import spaces, store
from catalog.services.media.upload_limits import picture_limits
from catalog.vectors.segments import open_segment

NOTHING_INDEXED_MESSAGE = gettext_noop(
    "There are no searchable images yet. Add images and wait until they are indexed."
)


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
    """
    space = require_active_space()
    extractor = spaces.get_extractor(space)
    return Query(extractor.extract([extractor.prepare(decode_photo(data, box, limits, space))])[0], space)


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


def decode_photo(data: bytes, box: Box | None, limits: PictureLimits | None, space: FeatureSpace) -> PILImage.Image:
    """Decode a photo, or the crop `box` of it, for the extractor of `space`. Raises PictureRejected, CropRejected."""
    min_side = None if box else spaces.get_extractor(space).space.decoded_side
    picture = decode(data, limits or picture_limits(), min_decoded_side=min_side)
    return crop(picture, box) if box else picture.rgb


def require_active_space() -> FeatureSpace:
    """Return the active space. Raises NoIndexedImages if there is none yet."""
    space = spaces.active_space()
    if space is None:
        raise NoIndexedImages(NOTHING_INDEXED_MESSAGE)
    return space
