"""Random weights and pictures, for timing: their content does not affect the speed."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.extractors import PreparedPicture
from catalog.features.feature_space import Space
from catalog.features.networks import VGG16
from catalog.features.weights import Weights, file_digest


def write_random_vgg16(path: Path) -> Weights:
    """Write random VGG16 weights in the format of the file that Keras publishes.

    They are scaled as in He et al. 2015, "Delving Deep into Rectifiers" (https://arxiv.org/abs/1502.01852), so that
    activations do not vanish.
    """
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for layer in VGG16.convolutions():
            kernel = rng.standard_normal((3, 3, layer.in_channels, layer.out_channels), np.float32)
            group = file.create_group(layer.name).create_group(layer.name)
            group["kernel:0"] = kernel * np.sqrt(2 / (9 * layer.in_channels))
            group["bias:0"] = np.zeros(layer.out_channels, np.float32)
    return Weights(path, VGG16, file_digest(path, ""))


def random_pictures(space: Space, count: int) -> list[PreparedPicture]:
    """Return pictures of noise in all input sizes of a space."""
    rng = np.random.default_rng(0)
    return [tuple(rng.integers(0, 256, (size, size, 3), np.uint8) for size in space.input_sizes) for _ in range(count)]
