"""Maps → one vector: four ways to forget where in the picture something was.

Each takes float32 (N, s, s, C), the square maps of N pictures after a ReLU, and gives float32 (N, C),
not yet normalised.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]
Vectors = NDArray[np.float32]


def max_pool(maps: Maps) -> Vectors:
    """The strongest answer of each channel: MAC, in Tolias, Sicre and Jégou (see `rmac`)."""
    return maps.max(axis=(1, 2))


def mean_pool(maps: Maps) -> Vectors:
    """The mean of each channel: SPoC without its centre prior.

    Babenko and Lempitsky, "Aggregating Deep Convolutional Features for Image Retrieval", ICCV 2015.
    """
    return maps.mean(axis=(1, 2))


def gem(maps: Maps, p: float = 3.0) -> Vectors:
    """The generalised mean of each channel: p = 1 is the mean, p → ∞ the maximum.

    Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018.
    """
    return np.mean(np.maximum(maps, 0) ** p, axis=(1, 2)) ** (1 / p)


def rmac(maps: Maps, levels: int = 3) -> Vectors:
    """The sum of the L2-normalised maxima of regions at several scales: R-MAC.

    Tolias, Sicre and Jégou, "Particular Object Retrieval with Integral Max-Pooling of CNN Activations",
    ICLR 2016, section 3.2, for square maps and without the whitening of regions.
    """
    regions = [maps[:, y : y + side, x : x + side] for y, x, side in square_regions(maps.shape[1], levels)]
    return np.sum([normalised(max_pool(region)) for region in regions], axis=0)


def square_regions(size: int, levels: int) -> list[tuple[int, int, int]]:
    """R-MAC's grid: level l has l × l squares of side 2·size/(l + 1), spread evenly.

    Returns:
        top, left and side of each region, in cells of the map.
    """
    regions = []
    for level in range(1, levels + 1):
        side = max(1, 2 * size // (level + 1))
        starts = np.linspace(0, size - side, level).astype(int)
        regions += [(int(y), int(x), side) for y in starts for x in starts]
    return regions


def normalised(vectors: Vectors) -> Vectors:
    """Each row divided by its L2 norm; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


POOLINGS: dict[str, Callable[[Maps], Vectors]] = {
    "max": max_pool,
    "mean": mean_pool,
    "gem": gem,
    "rmac": rmac,
}
