"""Why an image matched: which parts of the photo, and which of the image, made the score."""

from dataclasses import dataclass

import numpy as np
from PIL import Image as Pixels

from catalog.exceptions import NothingIndexed
from catalog.features import explaining as features
from catalog.imaging.crops import Box, crop
from catalog.imaging.decoding import decode
from catalog.imaging.overlays import overlay
from catalog.models import FeatureSpace, Image
from catalog.services import originals, spaces
from catalog.services.learning import projection_of
from catalog.services.limits import limits_of
from catalog.vectors.projection import Projection

OVERLAY_SIDE = 400


@dataclass(frozen=True)
class Seen:
    """A picture, and what the network saw in it. One serves for any number of explanations.

    Attributes:
        rgb: the upright picture, or the part of it that was sought.
        maps: for each of the space's input sizes float32, side × side × channels.
        space: whose network it was.
    """

    rgb: Pixels.Image
    maps: list[np.ndarray]
    space: FeatureSpace


@dataclass(frozen=True)
class Parts:
    """What the parts of one picture did for the score.

    Attributes:
        contributions: float32, side × side, laid over the whole picture; their sum is the score.
        overlay: RGB, the picture with the parts that contributed lit; its longer side is 400 pixels at most.
    """

    contributions: np.ndarray
    overlay: Pixels.Image


@dataclass(frozen=True)
class Explanation:
    """Why two pictures are alike. The score is that of a search, as the maps give it."""

    score: float
    photo: Parts
    image: Parts
    space: FeatureSpace


def explain(query: Seen, image: Image) -> Explanation:
    """Which parts of a picture and of an image made the score of the two: one pass a size, for the image.

    Of the whitened cosine, (u·x − c) · scale(x), each location of x has the share that its portion of x gives; what
    is taken off, because any picture would have it, is taken off everywhere alike, so that shares can be negative.

    Raises:
        NothingIndexed: the image is not described, so that it has no score.
        PictureRefused: its original is missing or altered.
        StoreUnavailable, WeightsUnavailable: nothing can be explained at present.
    """
    seen = see_image(image, query.space)
    pooling = spaces.extractor(query.space).space.pooling
    ours, theirs = (features.portions(maps, pooling) for maps in (query.maps, seen.maps))
    generation = spaces.serving(query.space)
    projection = projection_of(generation) if generation else None
    grids = (_contributions(ours, theirs, projection), _contributions(theirs, ours, projection))
    photo, found = (
        Parts(grid, overlay(picture.rgb, grid, OVERLAY_SIDE))
        for grid, picture in zip(grids, (query, seen), strict=True)
    )
    return Explanation(float(grids[0].sum()), photo, found, query.space)


def see(rgb: Pixels.Image, space: FeatureSpace) -> Seen:
    """A picture through the network of `space`: one pass a size. Raises WeightsUnavailable."""
    extractor = spaces.extractor(space)
    return Seen(rgb, [maps[0] for maps in extractor.maps([extractor.prepare(rgb)])], space)


def see_image(image: Image, space: FeatureSpace | None = None, box: Box | None = None) -> Seen:
    """An image of the catalogue, or the part of it within a box, through the network of `space` or the active one.

    Raises as `explain`, and CropRefused.
    """
    generation = spaces.active()
    space = space or (generation.space if generation else None)
    if space is None or not image.descriptors.filter(space=space).exists():
        raise NothingIndexed(
            "“{name}” is not described, so that nothing can be compared with it. Its page says why.",
            name=image.label,
        )
    # Decoded as it was to be described.
    at_least = None if box else spaces.extractor(space).space.decoded_side
    picture = decode(originals.read(image), limits_of(image), at_least=at_least)
    return see(crop(picture, box) if box else picture.rgb, space)


def _contributions(portions: np.ndarray, others: np.ndarray, projection: Projection | None) -> np.ndarray:
    """What each location of one picture adds to its score with another, whose portions are `others`."""
    descriptor, other = (summed.sum(axis=(0, 1))[np.newaxis] for summed in (portions, others))
    if projection is None:
        return features.contributions(portions, other[0])
    direction, offset = projection.unfolded(projection.whitened(other)[0])
    return features.contributions(portions, direction, offset) * projection.scales(descriptor)[0]
