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
    # Bicubic in Pillow widens its kernel when it shrinks, so fine patterns do not alias; the gap lets
    # it shrink large photographs by whole factors first, which is several times faster.
    return np.asarray(rgb.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))


def network_input(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What keras.applications.vgg16.preprocess_input makes of the same pictures.

    Args:
        batch: uint8 (N, S, S, 3), RGB, as `prepare` gives them.

    Returns:
        float32 (N, S, S, 3), BGR, the means subtracted and nothing scaled.
    """
    return batch[..., ::-1].astype(np.float32) - MEANS_BGR
