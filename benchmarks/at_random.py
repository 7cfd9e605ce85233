"""What takes as long as the real thing and means nothing: weights and pictures drawn at random."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.architectures import VGG16
from catalog.features.extractors import Prepared
from catalog.features.spaces import Space
from catalog.features.weights import Weights, digest


def vgg16_at_random(path: Path) -> Weights:
    """Write a file in the layout of the one that Keras publishes.

    Scaled after He et al. 2015 (https://arxiv.org/abs/1502.01852), so that no map dies away.
    """
    chance = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for one in VGG16.convolutions():
            kernel = chance.standard_normal((3, 3, one.inputs, one.outputs), np.float32)
            group = file.create_group(one.name).create_group(one.name)
            group["kernel:0"] = kernel * np.sqrt(2 / (9 * one.inputs))
            group["bias:0"] = np.zeros(one.outputs, np.float32)
    return Weights(path, VGG16, digest(path, ""))


def pictures_at_random(space: Space, count: int) -> list[Prepared]:
    """Noise in all input sizes of a space."""
    chance = np.random.default_rng(0)
    return [
        tuple(chance.integers(0, 256, (size, size, 3), np.uint8) for size in space.input_sizes) for _ in range(count)
    ]
