"""Attribution of a similarity score to the locations of both pictures.

Every pooling method takes each component of its vector from certain locations of the feature maps. So a descriptor is a
sum of one vector per location, and its dot product with another descriptor is a sum of one number per location. That
number is the gradient of the score times the activations, with the norms that vectors are divided by held constant. For
max pooling, these are the maps of Stylianou, Souvenir and Pless, "Visualizing Deep Similarity Networks", WACV 2019.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.features.pooling import square_regions

FeatureMaps = NDArray[np.float32]
ContributionGrid = NDArray[np.float32]


def decompose(maps: Sequence[FeatureMaps], pooling: str) -> FeatureMaps:
    """Decompose a descriptor into one vector per location.

    Args:
        maps: the feature maps of one picture, for each input size float32 (side, side, channels).
        pooling: a key of `DECOMPOSITIONS`.

    Returns:
        float32 (side, side, channels), with the largest side of `maps`. The sum over the locations is the descriptor
        that `Extractor.extract` returns.
    """
    finest_side = max(feature_map.shape[0] for feature_map in maps)
    location_vectors = np.sum(
        [_resample(_normalise_sum(DECOMPOSITIONS[pooling](feature_map)), finest_side) for feature_map in maps], axis=0
    )
    # Without any activation, all components are equal, as in `Extractor.extract`.
    return _normalise_sum(location_vectors if location_vectors.any() else np.ones_like(location_vectors))


def contribution_grid(location_vectors: FeatureMaps, direction: np.ndarray, offset: float = 0.0) -> ContributionGrid:
    """Return the contribution of each location to descriptor · `direction` − `offset`.

    Args:
        location_vectors: float32 (side, side, channels), from `decompose`.
        direction: float32 (channels,).
        offset: subtracted in equal parts from all locations.

    Returns:
        float32 (side, side), which sums to descriptor · direction − offset.
    """
    return location_vectors @ direction - np.float32(offset / (location_vectors.shape[0] * location_vectors.shape[1]))


def _normalise_sum(location_vectors: FeatureMaps) -> FeatureMaps:
    norm = np.linalg.norm(location_vectors.sum(axis=(0, 1)))
    return location_vectors / norm if norm > 0 else location_vectors


def _resample(location_vectors: FeatureMaps, side: int) -> FeatureMaps:
    """Resample to a grid of `side` × `side`: each cell is distributed over the cells it overlaps, by area."""
    edges = [np.linspace(0, 1, cell_count + 1) for cell_count in (side, location_vectors.shape[0])]
    upper = np.minimum(edges[0][1:, np.newaxis], edges[1][1:])
    lower = np.maximum(edges[0][:-1, np.newaxis], edges[1][:-1])
    overlaps = (np.maximum(upper - lower, 0) * location_vectors.shape[0]).astype(np.float32)
    return np.einsum("ya,xb,abc->yxc", overlaps, overlaps, location_vectors, optimize=True)


def decompose_max(maps: FeatureMaps) -> FeatureMaps:
    """Attribute the maximum of each channel to its location; equally to all locations if there are several."""
    maxima = maps.max(axis=(0, 1))
    is_maximum = maps == maxima
    return (is_maximum * maxima / is_maximum.sum(axis=(0, 1))).astype(np.float32)


def decompose_mean(maps: FeatureMaps) -> FeatureMaps:
    """Attribute the mean of each channel to each location in proportion to its activation."""
    return maps / np.float32(maps.shape[0] * maps.shape[1])


def decompose_gem(maps: FeatureMaps, p: float = 3.0) -> FeatureMaps:
    """Attribute a generalised mean in proportion to the p-th powers: its gradient times the activations."""
    powers = np.maximum(maps, 0) ** p
    totals = powers.sum(axis=(0, 1))
    means = (totals / (maps.shape[0] * maps.shape[1])) ** (1 / p)
    return powers * np.divide(means, totals, out=np.zeros_like(means), where=totals > 0)


def decompose_rmac(maps: FeatureMaps, levels: int = 3) -> FeatureMaps:
    """Attribute R-MAC: the sum over all regions of their decomposed maxima, divided by the norm of the region."""
    location_vectors = np.zeros_like(maps)
    for y, x, side in square_regions(maps.shape[0], levels):
        region = np.s_[y : y + side, x : x + side]
        maxima = decompose_max(maps[region])
        norm = np.linalg.norm(maxima.sum(axis=(0, 1)))
        if norm > 0:
            location_vectors[region] += maxima / norm
    return location_vectors


# The decomposition of each of `pooling.POOLINGS`. It takes the feature maps of one picture after a ReLU, float32
# (side, side, channels), and returns an array of the same shape whose sum over the locations is the pooled vector.
DECOMPOSITIONS: dict[str, Callable[[FeatureMaps], FeatureMaps]] = {
    "max": decompose_max,
    "mean": decompose_mean,
    "gem": decompose_gem,
    "rmac": decompose_rmac,
}
