"""Pooling: from feature maps to one vector per picture.

Each function takes the feature maps of N pictures, float32 (N, H, W, C), and returns float32 (N, C), not normalised.
Channels come last, so that NumPy works on C numbers side by side, and so that a location is a vector.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

FeatureMaps = NDArray[np.float32]
Vectors = NDArray[np.float32]
Pooling = Callable[[FeatureMaps], Vectors]


def max_pool(maps: FeatureMaps) -> Vectors:
    """Return the maximum of each channel: MAC, in Tolias, Sicre and Jégou (see `rmac_pool`)."""
    return maps.max(axis=(1, 2))


def mean_pool(maps: FeatureMaps) -> Vectors:
    """Return the mean of each channel: SPoC without its centre prior.

    Babenko and Lempitsky, "Aggregating Deep Convolutional Features for Image Retrieval", ICCV 2015.
    """
    return maps.mean(axis=(1, 2))


def gem_pool(maps: FeatureMaps, p: float = 3.0) -> Vectors:
    """Return the generalised mean of each channel: p = 1 is the mean, p → ∞ the maximum. Negative numbers count as 0.

    Radenović, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018.
    """
    return power(np.maximum(maps, 0), p).mean(axis=(1, 2)) ** np.float32(1 / p)


def power(values: FeatureMaps, p: float) -> FeatureMaps:
    """Return values ** p, for small whole p by multiplications, which are ten times as fast."""
    if p not in (2.0, 3.0, 4.0):
        return values ** np.float32(p)
    squares = values * values
    return squares if p == 2.0 else squares * (values if p == 3.0 else squares)


def rmac_pool(maps: FeatureMaps, levels: float = 3) -> Vectors:
    """Return the sum of the L2-normalised maxima of regions at several scales: R-MAC.

    Tolias, Sicre and Jégou, "Particular Object Retrieval with Integral Max-Pooling of CNN Activations",
    ICLR 2016, section 3.2, but with regions of the shape of the maps (see `regions`) and without whitening of them.
    """
    height, width = maps.shape[1:3]
    maxima = [max_pool(maps[:, region[0], region[1]]) for region in regions(height, width, int(levels))]
    return np.sum([l2_normalise(vectors) for vectors in maxima], axis=0)


def regions(height: int, width: int, levels: int) -> list[tuple[slice, slice]]:
    """Return the regions of R-MAC: level l has l × l evenly spaced ones of 2·height/(l + 1) × 2·width/(l + 1) cells.

    Returns:
        rows and columns of each region, in cells of feature maps of `height` × `width` cells.
    """
    return [
        (rows, columns)
        for level in range(1, levels + 1)
        for rows in _spans(height, level)
        for columns in _spans(width, level)
    ]


def _spans(length: int, level: int) -> list[slice]:
    span = max(1, 2 * length // (level + 1))
    starts = np.linspace(0, length - span, level).astype(int)
    return [slice(int(start), int(start) + span) for start in starts]


def only_location(maps: FeatureMaps) -> Vectors:
    """Return the vectors of a network that pools itself: maps of one location."""
    return maps[:, 0, 0]


def l2_normalise(vectors: Vectors) -> Vectors:
    """Divide each row by its L2 norm. Rows of zeros stay zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


POOLINGS: dict[str, Pooling] = {
    "max": max_pool,
    "mean": mean_pool,
    "gem": gem_pool,
    "rmac": rmac_pool,
    "none": only_location,
}
# Poolings that take a parameter, with its name.
PARAMETERS = {"gem": "p", "rmac": "levels"}


def find_pooling(name: str) -> Pooling:
    """Return the function of a pooling: a key of `POOLINGS`, or `gem:P` or `rmac:LEVELS`.

    Raises:
        ValueError: there is no such pooling, or its parameter is not a number of at least 1.
    """
    key, parameters = parse_pooling(name)
    return partial(POOLINGS[key], **parameters) if parameters else POOLINGS[key]


def parse_pooling(name: str) -> tuple[str, dict[str, float]]:
    """Return the key of a pooling and its parameters by name. Raises ValueError, see `find_pooling`."""
    key, separator, text = name.partition(":")
    if key not in POOLINGS or (separator and key not in PARAMETERS):
        raise ValueError(f"There is no pooling {name!r}. Choose one of {', '.join(POOLINGS)}.")
    if not separator:
        return key, {}
    value = float(text)
    if not value >= 1:
        raise ValueError(f"The parameter of {name!r} must be at least 1.")
    return key, {PARAMETERS[key]: value}
