"""Explanations of hits: how much each area of the photo, and of the image, contributes to their similarity.

What is explained is the similarity of the two pictures themselves. Their neighbours, which take part in the ranking, do
not.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image as PILImage

from catalog.exceptions import NoIndexedImages
from catalog.features import attribution
from catalog.imaging.crops import Box
from catalog.imaging.decoders import Rendering
from catalog.imaging.limits import PictureLimits
from catalog.imaging.overlays import draw_heatmap
from catalog.imaging.thumbnails import downscale
from catalog.models import FeatureSpace, Image
from catalog.services.index import spaces
from catalog.services.index.training.trained_parameters import projection_of
from catalog.services.media import files
from catalog.services.media.upload_limits import limits_for_image
from catalog.services.search import queries
from catalog.vectors.projections.projection import Projection

OVERLAY_SIDE = 400  # pixels
OVERLAY_PICTURE = partial(downscale, max_side=OVERLAY_SIDE)


@dataclass(frozen=True)
class Activations:
    """A picture and the feature maps of the network for it. They serve any number of explanations.

    Attributes:
        rgb: the upright picture, or its crop, with its longer side at most OVERLAY_SIDE.
        maps: for each input size of the space float32, rows × columns × channels.
        space: the feature space of the network.
    """

    rgb: PILImage.Image
    maps: list[np.ndarray]
    space: FeatureSpace


@dataclass(frozen=True)
class Contributions:
    """What the areas of one picture contribute to a score.

    Attributes:
        grid: float32, rows × columns, a grid over the whole picture; the sum is `Explanation.score`.
        overlay: RGB, the picture with the contributing areas highlighted; its longer side is at most OVERLAY_SIDE.
    """

    grid: np.ndarray
    overlay: PILImage.Image


@dataclass(frozen=True)
class Explanation:
    """Why two pictures match.

    Attributes:
        score: the similarity of the two pictures themselves, without their neighbours: the cosine of the projected
            descriptors, here from the feature maps. The score of a search may be higher, since neighbours take part.
        photo: the contributions of the photo or image that was searched with.
        image: the contributions of the hit.
        space: the feature space of the score.
    """

    score: float
    photo: Contributions
    image: Contributions
    space: FeatureSpace


def explain(query: Activations, image: Image) -> Explanation:
    """Compute the contributions of a picture and of an image to their score.

    The network runs over the image once for each input size. With a projection the score is (u·x − c) · scale(x). Each
    location of x then contributes the share of u·x that its part of x gives, and the constant c is subtracted from all
    locations evenly. A contribution can therefore be negative.

    Raises:
        NoIndexedImages: the image is not indexed, so it has no score.
        PictureRejected: the original file is missing or altered.
        StoreUnavailable: the storage cannot be read.
        WeightsUnavailable: the weights of the network are missing.
    """
    image_activations = compute_image_activations(image, query.space)
    extractor = spaces.get_extractor(query.space)
    photo_components, image_components = (
        attribution.decompose(maps, extractor.space.pooling, extractor.basis)
        for maps in (query.maps, image_activations.maps)
    )
    generation = spaces.serving_generation(query.space)
    projection = projection_of(generation) if generation else None
    grids = (
        _contributions(photo_components, image_components, projection),
        _contributions(image_components, photo_components, projection),
    )
    photo_contributions, image_contributions = (
        Contributions(grid, draw_heatmap(activations.rgb, grid, OVERLAY_SIDE))
        for grid, activations in zip(grids, (query, image_activations), strict=True)
    )
    return Explanation(float(grids[0].sum()), photo_contributions, image_contributions, query.space)


def compute_photo_activations(
    data: bytes, box: Box | None = None, *, limits: PictureLimits | None = None
) -> Activations:
    """Run the active network over a query photo, or over the crop `box` of it. Raises as `queries.extract_query`."""
    space = queries.require_active_space()
    return _run_network(queries.render_photo(data, space, OVERLAY_PICTURE, box=box, limits=limits), space)


def compute_image_activations(image: Image, space: FeatureSpace | None = None, box: Box | None = None) -> Activations:
    """Run a network over an image of the catalogue, or over the crop `box` of it.

    Args:
        space: whose network to use; by default the active space.

    Raises:
        CropRejected: the crop extends beyond the image.
        NoIndexedImages, PictureRejected, StoreUnavailable, WeightsUnavailable: as `explain`.
    """
    space = space or spaces.active_space()
    if space is None or not image.descriptors.filter(space=space).exists():
        raise NoIndexedImages(
            "“{name}” is not indexed, so it cannot be compared with other images. Its page shows its status.",
            name=image.label,
        )
    # Decoded as it was for extraction.
    data, limits = files.read(image), limits_for_image(image)
    return _run_network(queries.render_photo(data, space, OVERLAY_PICTURE, box=box, limits=limits), space)


def _run_network(rendering: Rendering, space: FeatureSpace) -> Activations:
    *prepared, overlay_picture = rendering.arrays
    maps = spaces.get_extractor(space).feature_maps([tuple(prepared)])
    return Activations(PILImage.fromarray(overlay_picture), [each[0] for each in maps], space)


def _contributions(components: np.ndarray, other_components: np.ndarray, projection: Projection | None) -> np.ndarray:
    """Return what each location of one picture contributes to its score with another: float32, rows × columns.

    Args:
        components: float32, rows × columns × d: the parts of the first descriptor that its locations give.
        other_components: the same of the other picture.
    """
    vector, other_vector = (array.sum(axis=(0, 1))[np.newaxis] for array in (components, other_components))
    if projection is None:
        return attribution.contribution_grid(components, other_vector[0])
    directions, offsets = projection.fold_into_queries(projection.apply(other_vector))
    return attribution.contribution_grid(components, directions[0], float(offsets[0])) * projection.scales(vector)[0]
