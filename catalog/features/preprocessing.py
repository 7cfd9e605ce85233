"""From pictures to the input of a network."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ASPECTS = ("kept", "squashed")
# Width : height of the inputs with the aspect "kept": few shapes, since a runtime prepares for each. Most cameras take
# pictures of 4:3 or 3:2.
ASPECT_RATIOS = (1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0)
# The sides of these inputs are multiples of this many pixels, as is the stride of the feature maps of most networks.
SIDE_STEP = 16


def input_shape(width: int, height: int, side: int, aspect: str) -> tuple[int, int]:
    """Return width and height of the network's input for a picture, in pixels.

    Args:
        width, height: of the picture.
        side: side of the square, or with `aspect` "kept" of the square of the same area.
        aspect: "kept" for the nearest of `ASPECT_RATIOS`, or "squashed" for the square.
    """
    if aspect == "squashed":
        return side, side
    ratio = min(ASPECT_RATIOS, key=lambda ratio: abs(math.log(ratio * height / width)))
    return _to_step(side * math.sqrt(ratio)), _to_step(side / math.sqrt(ratio))


def _to_step(length: float) -> int:
    return max(1, round(length / SIDE_STEP)) * SIDE_STEP


def resize_to_input(rgb: Image.Image, side: int, aspect: str) -> NDArray[np.uint8]:
    """Resize a picture to the input of a network.

    The picture is not cropped, so that its edges contribute to the descriptor. With the aspect "kept", it is squashed
    only to the nearest of the shapes.

    Args:
        rgb: an upright picture in mode RGB.
        side, aspect: see `input_shape`.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    # Pillow scales the kernel when it shrinks a picture, which prevents aliasing. Bilinear gave slightly better
    # retrieval than bicubic and Lanczos. With `reducing_gap`, large photos are first shrunk by integer factors.
    shape = input_shape(rgb.width, rgb.height, side, aspect)
    return np.asarray(rgb.resize(shape, Image.Resampling.BILINEAR, reducing_gap=2.0))
