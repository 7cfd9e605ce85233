"""Parts of a picture brought out: lit in the dark, so that it reads without telling colours apart."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from catalog.imaging.thumbnails import shrunk

DIMMED = 0.25
AMBER = np.array([255, 176, 32], np.float32)  # apart from grey for every kind of colour vision
TINT = 0.4
HALF_LIT = 0.35  # the share of the largest weight that is lit half: one strong spot must not hide the rest


def overlay(rgb: Image.Image, weights: NDArray[np.float32], side: int) -> Image.Image:
    """`rgb` in dim grey, its own colours lit up in amber where `weights` are large.

    Args:
        rgb: mode RGB.
        weights: float32, rows × columns, laid over the whole picture. What is not positive stays dim.
        side: the longer side of the result, in pixels, at most; a smaller picture keeps its size.
    """
    small = shrunk(rgb, side)
    light = _light(weights, small.size)[..., np.newaxis]
    grey = np.asarray(ImageOps.grayscale(small), np.float32)[..., np.newaxis]
    lit = (1 - TINT) * np.asarray(small, np.float32) + TINT * AMBER
    return Image.fromarray((light * lit + (1 - light) * DIMMED * grey).astype(np.uint8))


def _light(weights: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """float32, in [0, 1]: as many rows and columns as `size` has pixels."""
    peak = max(float(weights.max()), np.finfo(np.float32).tiny)
    cells = Image.fromarray((weights.clip(0) / peak * 255).astype(np.uint8))
    # A location of a network's map sees far more than its own cell.
    half_a_cell = (size[0] / cells.width / 2, size[1] / cells.height / 2)
    soft = cells.resize(size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(half_a_cell))
    share = np.asarray(soft, np.float32) / max(soft.getextrema()[1], 1)
    return share**2 * (1 + HALF_LIT**2) / (share**2 + HALF_LIT**2)
