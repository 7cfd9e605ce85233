"""VGG16 with weights drawn at random, in the layout of the file that Keras publishes."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.architectures import VGG16
from catalog.features.weights import Weights, digest


def vgg16_at_random(path: Path) -> Weights:
    """Write the file: scaled after He et al. 2015 (https://arxiv.org/abs/1502.01852), so that no map dies away."""
    chance = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for one in VGG16.convolutions():
            kernel = chance.standard_normal((3, 3, one.inputs, one.outputs), np.float32)
            group = file.create_group(one.name).create_group(one.name)
            group["kernel:0"] = kernel * np.sqrt(2 / (9 * one.inputs))
            group["bias:0"] = np.zeros(one.outputs, np.float32)
    return Weights(path, VGG16, digest(path, ""))
