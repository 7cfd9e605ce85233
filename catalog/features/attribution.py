"""Attribution of a similarity score to the locations of both pictures.

Every pooling method takes each component of its vector from certain locations of the feature maps. So a descriptor is a
sum of one vector per location, and its dot product with another descriptor is a sum of one number per location. That
number is the gradient of the score times the activations, with the norms that vectors are divided by held constant. For
max pooling, these are the maps of Stylianou, Souvenir and Pless, "Visualizing Deep Similarity Networks", WACV 2019.
What does not depend on the picture, such as the mean that a basis subtracts, is shared evenly among the locations.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.features.basis import Basis
from catalog.features.pooling import parse_pooling, power, regions

FeatureMaps = NDArray[np.float32]
ContributionGrid = NDArray[np.float32]


def decompose(maps: Sequence[FeatureMaps], pooling: str, basis: Basis | None = None) -> FeatureMaps:
    """Decompose a descriptor into one vector per location.

    Args:
        maps: the feature maps of one picture, for each input size float32 (rows, columns, channels).
        pooling: as in `feature_space.Space`.
        basis: the basis that the pooled vector is projected on.

    Returns:
        float32 (rows, columns, dimensions), with the most rows and columns of `maps`. The sum over the locations is the
        descriptor that `Extractor.extract` returns.
    """
    key, parameters = parse_pooling(pooling)
    rows, columns = (max(feature_map.shape[axis] for feature_map in maps) for axis in (0, 1))
    location_vectors = np.sum(
        [
            _resample(_normalise_sum(DECOMPOSITIONS[key](feature_map, **parameters)), rows, columns)
            for feature_map in maps
        ],
        axis=0,
    )
    location_vectors = _normalise_sum_or_ones(location_vectors)
    return _normalise_sum_or_ones(_project(location_vectors, basis)) if basis else location_vectors


def _project(location_vectors: FeatureMaps, basis: Basis) -> FeatureMaps:
    """Project the vectors of all locations on a basis. Each subtracts an even share of the mean."""
    mean_share = basis.mean / np.float32(location_vectors.shape[0] * location_vectors.shape[1])
    return (location_vectors - mean_share) @ basis.directions.T


def contribution_grid(location_vectors: FeatureMaps, direction: np.ndarray, offset: float = 0.0) -> ContributionGrid:
    """Return the contribution of each location to descriptor · `direction` − `offset`.

    Args:
        location_vectors: float32 (rows, columns, dimensions), from `decompose`.
        direction: float32 (dimensions,).
        offset: subtracted in equal parts from all locations.

    Returns:
        float32 (rows, columns), which sums to descriptor · direction − offset.
    """
    return location_vectors @ direction - np.float32(offset / (location_vectors.shape[0] * location_vectors.shape[1]))


def _normalise_sum(location_vectors: FeatureMaps) -> FeatureMaps:
    norm = np.linalg.norm(location_vectors.sum(axis=(0, 1)))
    return location_vectors / norm if norm > 0 else location_vectors


def _normalise_sum_or_ones(location_vectors: FeatureMaps) -> FeatureMaps:
    """Divide by the norm of the sum. Without any activation, all components are equal, as in `Extractor.extract`."""
    return _normalise_sum(location_vectors if location_vectors.any() else np.ones_like(location_vectors))


def _resample(location_vectors: FeatureMaps, rows: int, columns: int) -> FeatureMaps:
    """Resample to a grid of `rows` × `columns`: each cell is distributed over the cells it overlaps, by area."""
    row_shares = _overlaps(rows, location_vectors.shape[0])
    column_shares = _overlaps(columns, location_vectors.shape[1])
    return np.einsum("ya,xb,abc->yxc", row_shares, column_shares, location_vectors, optimize=True)


def _overlaps(count: int, source_count: int) -> ContributionGrid:
    """Return the share of each of `source_count` cells that lies in each of `count`: float32 (count, source_count)."""
    edges, source_edges = (np.linspace(0, 1, cell_count + 1) for cell_count in (count, source_count))
    upper = np.minimum(edges[1:, np.newaxis], source_edges[1:])
    lower = np.maximum(edges[:-1, np.newaxis], source_edges[:-1])
    return (np.maximum(upper - lower, 0) * source_count).astype(np.float32)


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
    powers = power(np.maximum(maps, 0), p)
    totals = powers.sum(axis=(0, 1))
    means = (totals / np.float32(maps.shape[0] * maps.shape[1])) ** np.float32(1 / p)
    return powers * np.divide(means, totals, out=np.zeros_like(means), where=totals > 0)


def decompose_rmac(maps: FeatureMaps, levels: float = 3) -> FeatureMaps:
    """Attribute R-MAC: the sum over all regions of their decomposed maxima, divided by the norm of the region."""
    location_vectors = np.zeros_like(maps)
    for region in regions(maps.shape[0], maps.shape[1], int(levels)):
        maxima = decompose_max(maps[region])
        norm = np.linalg.norm(maxima.sum(axis=(0, 1)))
        if norm > 0:
            location_vectors[region] += maxima / norm
    return location_vectors


def decompose_none(maps: FeatureMaps) -> FeatureMaps:
    """Attribute the vector of a network that pools itself to its only location."""
    return maps


# The decomposition of each of `pooling.POOLINGS`. It takes the feature maps of one picture, float32
# (rows, columns, channels), and returns an array of the same shape whose sum over the locations is the pooled vector.
DECOMPOSITIONS: dict[str, Callable[..., FeatureMaps]] = {
    "max": decompose_max,
    "mean": decompose_mean,
    "gem": decompose_gem,
    "rmac": decompose_rmac,
    "none": decompose_none,
}
