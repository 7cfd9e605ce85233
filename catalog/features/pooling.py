"""Pooling: from feature maps to one vector per picture.

Each function takes the square feature maps of N pictures after a ReLU, float32 (N, side, side, C), and returns
float32 (N, C), not normalised.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FeatureMaps = NDArray[np.float32]
Vectors = NDArray[np.float32]


def max_pool(maps: FeatureMaps) -> Vectors:
    """Return the maximum of each channel: MAC, in Tolias, Sicre and Jégou (see `rmac_pool`)."""
    return maps.max(axis=(1, 2))


def mean_pool(maps: FeatureMaps) -> Vectors:
    """Return the mean of each channel: SPoC without its centre prior.

    Babenko and Lempitsky, "Aggregating Deep Convolutional Features for Image Retrieval", ICCV 2015.
    """
    return maps.mean(axis=(1, 2))


def gem_pool(maps: FeatureMaps, p: float = 3.0) -> Vectors:
    """Return the generalised mean of each channel: p = 1 is the mean, p → ∞ the maximum.

    Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018.
    """
    return np.mean(np.maximum(maps, 0) ** p, axis=(1, 2)) ** (1 / p)


def rmac_pool(maps: FeatureMaps, levels: int = 3) -> Vectors:
    """Return the sum of the L2-normalised maxima of regions at several scales: R-MAC.

    Tolias, Sicre and Jégou, "Particular Object Retrieval with Integral Max-Pooling of CNN Activations",
    ICLR 2016, section 3.2, for square feature maps and without whitening of the regions.
    """
    regions = [maps[:, y : y + side, x : x + side] for y, x, side in square_regions(maps.shape[1], levels)]
    return np.sum([l2_normalise(max_pool(region)) for region in regions], axis=0)


def square_regions(size: int, levels: int) -> list[tuple[int, int, int]]:
    """Return the regions of R-MAC: level l has l × l evenly spaced squares of side 2·size/(l + 1).

    Returns:
        top, left and side of each region, in cells of a feature map of `size` × `size` cells.
    """
    regions = []
    for level in range(1, levels + 1):
        side = max(1, 2 * size // (level + 1))
        starts = np.linspace(0, size - side, level).astype(int)
        regions += [(int(y), int(x), side) for y in starts for x in starts]
    return regions


def l2_normalise(vectors: Vectors) -> Vectors:
    """Divide each row by its L2 norm. Rows of zeros stay zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


POOLINGS: dict[str, Callable[[FeatureMaps], Vectors]] = {
    "max": max_pool,
    "mean": mean_pool,
    "gem": gem_pool,
    "rmac": rmac_pool,
}
