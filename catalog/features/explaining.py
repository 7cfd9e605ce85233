"""Why two pictures are alike: a cosine, split over the locations of both.

Every pooling here takes each number of its vector from certain locations, so that the vector is a sum of one vector
a location, and its product with another descriptor a sum of one number a location. That is the gradient of the score
times the activations, with the lengths that vectors are divided by held fixed; for max pooling, the maps of
Stylianou, Souvenir and Pless, "Visualizing Deep Similarity Networks", WACV 2019.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.features.pooling import square_regions

Maps = NDArray[np.float32]
Grid = NDArray[np.float32]


def portions(maps: Sequence[Maps], pooling: str) -> Maps:
    """A descriptor, split over the locations that its numbers come from.

    Args:
        maps: for each input size float32, side × side × channels.
        pooling: a name in `PORTIONS`.

    Returns:
        float32, side × side × channels on the finest grid: summed over the locations, the descriptor that
        `Extractor.describe` gives.
    """
    finest = max(one.shape[0] for one in maps)
    laid = np.sum([_spread(_of_unit_length(PORTIONS[pooling](one)), finest) for one in maps], axis=0)
    # Without any activation every number is the same, as `Extractor.describe` has it.
    return _of_unit_length(laid if laid.any() else np.ones_like(laid))


def contributions(portions: Maps, direction: np.ndarray, offset: float = 0.0) -> Grid:
    """What each location adds to the product of its picture's descriptor with `direction`, less `offset`.

    Args:
        portions: float32, side × side × channels.
        direction: float32, channels.
        offset: taken off in equal parts everywhere.

    Returns:
        float32, side × side: it sums to descriptor · direction − offset.
    """
    return portions @ direction - np.float32(offset / (portions.shape[0] * portions.shape[1]))


def _of_unit_length(portions: Maps) -> Maps:
    length = np.linalg.norm(portions.sum(axis=(0, 1)))
    return portions / length if length > 0 else portions


def _spread(portions: Maps, side: int) -> Maps:
    """The same on a grid of `side` × `side`: each cell shared out over those that it covers, by area."""
    edges = [np.linspace(0, 1, number + 1) for number in (side, portions.shape[0])]
    upper = np.minimum(edges[0][1:, np.newaxis], edges[1][1:])
    lower = np.maximum(edges[0][:-1, np.newaxis], edges[1][:-1])
    shares = (np.maximum(upper - lower, 0) * portions.shape[0]).astype(np.float32)
    return np.einsum("ya,xb,abc->yxc", shares, shares, portions, optimize=True)


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
