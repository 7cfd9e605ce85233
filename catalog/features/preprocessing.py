"""A picture → what the network is fed."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Means of ImageNet's blue, green and red, as keras/src/applications/imagenet_utils.py subtracts them.
MEANS_BGR = np.array([103.939, 116.779, 123.68], np.float32)


def prepare(rgb: Image.Image, size: int) -> NDArray[np.uint8]:
    """Squash a picture into a square.

    Squashed and not cropped, so that what lies at the edges still counts.

    Args:
        rgb: an upright picture in mode RGB.
        size: side of the square in pixels.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    # Pillow widens the kernel when it shrinks, so that fine patterns do not alias. Bilinear retrieved a
    # little better than bicubic and Lanczos. The gap lets it first shrink large photos by whole factors.
    return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def network_input(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What keras.applications.vgg16.preprocess_input makes of the same pictures.

    Args:
        batch: uint8 (N, S, S, 3), RGB, as `prepare` gives them.

    Returns:
        float32 (N, S, S, 3), BGR, the means subtracted and nothing scaled.
    """
    return batch[..., ::-1].astype(np.float32) - MEANS_BGR
