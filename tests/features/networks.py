"""Weights files made for tests: VGG16's layers with random numbers in them, in Keras's layout."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.architectures import Architecture
from catalog.features.weights import Weights, digest


def write_random(path: Path, architecture: Architecture, *, names: tuple[str, str] = ("kernel:0", "bias:0")) -> Weights:
    """Kernels scaled after He et al. 2015, so that the last maps are as lively as the first."""
    numbers = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        layers = architecture.convolutions()
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            spread = np.float32((2 / (9 * layer.inputs)) ** 0.5)
            kernel = numbers.standard_normal((3, 3, layer.inputs, layer.outputs), np.float32) * spread
            bias = numbers.standard_normal(layer.outputs, np.float32)
            within = [f"{layer.name}/{name.format(layer=layer.name)}" for name in names]
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [name.encode() for name in within]
            for name, array in zip(within, (kernel, bias), strict=True):
                group[name] = array
    return Weights(path, architecture, digest(path, ""))
