"""Random weights and pictures, for timing: their content does not affect the speed."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.extractors import PreparedPicture
from catalog.features.feature_space import Space
from catalog.features.networks import vgg16
from catalog.features.networks.vgg16 import Vgg16
from catalog.features.preprocessing import input_shape
from catalog.features.weights import file_digest

# Width and height of the pictures, as most cameras take them.
PICTURE_SIZE = (640, 480)


def write_random_vgg16(path: Path) -> Vgg16:
    """Write random VGG16 weights in the format of the file that Keras publishes.

    They are scaled as in He et al. 2015, "Delving Deep into Rectifiers" (https://arxiv.org/abs/1502.01852), so that
    activations do not vanish.
    """
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for layer in vgg16.convolutions():
            kernel = rng.standard_normal((3, 3, layer.in_channels, layer.out_channels), np.float32)
            group = file.create_group(layer.name).create_group(layer.name)
            group["kernel:0"] = kernel * np.sqrt(2 / (9 * layer.in_channels))
            group["bias:0"] = np.zeros(layer.out_channels, np.float32)
    return Vgg16(path, file_digest(path, ""))


def random_pictures(space: Space, count: int) -> list[PreparedPicture]:
    """Return pictures of noise, with the shapes that pictures of `PICTURE_SIZE` have in all input sizes of a space."""
    rng = np.random.default_rng(0)
    shapes = [input_shape(*PICTURE_SIZE, size, space.aspect)[::-1] for size in space.input_sizes]
    return [tuple(rng.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes) for _ in range(count)]
