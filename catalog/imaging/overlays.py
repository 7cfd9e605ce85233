"""Heat maps over a picture. They differ in brightness too, so that they can be read without colour vision."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from catalog.imaging.thumbnails import downscale

DIM_BRIGHTNESS = 0.25
HIGHLIGHT_RGB = np.array([255, 176, 32], np.float32)  # amber, distinct from grey for every type of colour vision
TINT_OPACITY = 0.4
# The fraction of the largest weight that gets half the opacity. It is below 0.5, so that one strong spot does not
# hide the others.
HALF_OPACITY_WEIGHT = 0.35


def draw_heatmap(rgb: Image.Image, weights: NDArray[np.float32], side: int) -> Image.Image:
    """Return `rgb` in dim grey, with the areas of large `weights` in bright colours tinted amber.

    Args:
        rgb: mode RGB.
        weights: float32 (rows, columns), stretched over the whole picture. Areas of weight 0 or less stay dim.
        side: the maximum length of the longer side of the result, in pixels; a smaller picture keeps its size.
    """
    small = downscale(rgb, side)
    opacity = _opacity(weights, small.size)[..., np.newaxis]
    grey = np.asarray(ImageOps.grayscale(small), np.float32)[..., np.newaxis]
    highlighted = (1 - TINT_OPACITY) * np.asarray(small, np.float32) + TINT_OPACITY * HIGHLIGHT_RGB
    return Image.fromarray((opacity * highlighted + (1 - opacity) * DIM_BRIGHTNESS * grey).astype(np.uint8))


def _opacity(weights: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the opacity of each pixel: float32 in [0, 1], (height, width). `size` is (width, height)."""
    peak = max(float(weights.max()), np.finfo(np.float32).tiny)
    cells = Image.fromarray((weights.clip(0) / peak * 255).astype(np.uint8))
    # The receptive field of a location in a feature map is far larger than its cell.
    blur_radius = (size[0] / cells.width / 2, size[1] / cells.height / 2)
    blurred = cells.resize(size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(blur_radius))
    relative = np.asarray(blurred, np.float32) / max(blurred.getextrema()[1], 1)
    return relative**2 * (1 + HALF_OPACITY_WEIGHT**2) / (relative**2 + HALF_OPACITY_WEIGHT**2)
