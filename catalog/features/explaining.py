"""Why two pictures are alike: a cosine, split over the locations of both.

Every pooling here takes each number of its vector from certain locations, so that the vector is a sum of one vector
a location, and its product with another descriptor a sum of one number a location. That is the gradient of the score
times the activations, with the lengths that vectors are divided by held fixed; for max pooling, the maps of
Stylianou, Souvenir and Pless, "Visualizing Deep Similarity Networks", WACV 2019.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.features.pooling import square_regions

Maps = NDArray[np.float32]
Grid = NDArray[np.float32]


def explain(query: Maps, image: Maps, pooling: str) -> tuple[Grid, Grid]:
    """What each location of two pictures adds to the cosine of their descriptors.

    Args:
        query, image: float32, side × side × channels, of one network; the sides may differ.
        pooling: a name in `PORTIONS`.

    Returns:
        float32, side × side, for the query and for the image: each sums to the cosine. None is negative.
    """
    ours, theirs = unit_portions(query, pooling), unit_portions(image, pooling)
    return ours @ theirs.sum(axis=(0, 1)), theirs @ ours.sum(axis=(0, 1))


def unit_portions(maps: Maps, pooling: str) -> Maps:
    """A descriptor, split over the locations that its numbers come from.

    Returns:
        float32, side × side × channels: summed over the locations, the descriptor that `Extractor.describe` gives.
    """
    portions = PORTIONS[pooling](maps)
    if not portions.any():
        portions = np.ones_like(maps)  # as `Extractor.describe` has it
    return portions / np.linalg.norm(portions.sum(axis=(0, 1)))


def max_portions(maps: Maps) -> Maps:
    """Each channel's maximum lies where it was found; where it was found more than once, in equal parts."""
    maxima = maps.max(axis=(0, 1))
    there = maps == maxima
    return (there * maxima / there.sum(axis=(0, 1))).astype(np.float32)


def mean_portions(maps: Maps) -> Maps:
    """A mean has an equal share of everything."""
    return maps / np.float32(maps.shape[0] * maps.shape[1])


def gem_portions(maps: Maps, p: float = 3.0) -> Maps:
    """A generalised mean is shared out by the p-th powers, which is its gradient times the activations."""
    powers = np.maximum(maps, 0) ** p
    totals = powers.sum(axis=(0, 1))
    means = (totals / (maps.shape[0] * maps.shape[1])) ** (1 / p)
    return powers * np.divide(means, totals, out=np.zeros_like(means), where=totals > 0)


def rmac_portions(maps: Maps, levels: int = 3) -> Maps:
    """Those of every region's maxima, divided by the region's length, laid over each other."""
    portions = np.zeros_like(maps)
    for y, x, side in square_regions(maps.shape[0], levels):
        place = np.s_[y : y + side, x : x + side]
        maxima = max_portions(maps[place])
        length = np.linalg.norm(maxima.sum(axis=(0, 1)))
        if length > 0:
            portions[place] += maxima / length
    return portions


# For each of `pooling.POOLINGS`: float32, side × side × channels, the maps of one picture after a ReLU → as many
# numbers, which give the pooled vector when they are summed over the locations.
PORTIONS: dict[str, Callable[[Maps], Maps]] = {
    "max": max_portions,
    "mean": mean_portions,
    "gem": gem_portions,
    "rmac": rmac_portions,
}
