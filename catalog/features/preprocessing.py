"""From pictures to the input of a network."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The ImageNet means of blue, green and red, which keras/src/applications/imagenet_utils.py subtracts.
MEANS_BGR = np.array([103.939, 116.779, 123.68], np.float32)


def resize_to_square(rgb: Image.Image, size: int) -> NDArray[np.uint8]:
    """Resize a picture to a square, ignoring its aspect ratio.

    The picture is not cropped, so that its edges contribute to the descriptor.

    Args:
        rgb: an upright picture in mode RGB.
        size: side of the square in pixels.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    # Pillow scales the kernel when it shrinks a picture, which prevents aliasing. Bilinear gave slightly better
    # retrieval than bicubic and Lanczos. With `reducing_gap`, large photos are first shrunk by integer factors.
    return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def preprocess_input(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the same as keras.applications.vgg16.preprocess_input.

    Args:
        batch: uint8 (N, S, S, 3), RGB, as `resize_to_square` returns them.

    Returns:
        float32 (N, S, S, 3), BGR, with the means subtracted, not scaled.
    """
    return batch[..., ::-1].astype(np.float32) - MEANS_BGR
