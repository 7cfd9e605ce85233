"""Weights files with random numbers, in the layout of Keras."""

from pathlib import Path

import h5py
import numpy as np

from catalog.features.networks import Architecture
from catalog.features.weights import Weights, file_digest


def write_random(path: Path, architecture: Architecture, *, names: tuple[str, str] = ("kernel:0", "bias:0")) -> Weights:
    """Write random kernels, scaled as in He et al. (ICCV 2015), so that activations do not vanish in deep layers."""
    rng = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        layers = architecture.convolutions()
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            scale = np.float32((2 / (9 * layer.in_channels)) ** 0.5)
            kernel = rng.standard_normal((3, 3, layer.in_channels, layer.out_channels), np.float32) * scale
            bias = rng.standard_normal(layer.out_channels, np.float32)
            array_names = [f"{layer.name}/{name.format(layer=layer.name)}" for name in names]
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [name.encode() for name in array_names]
            for name, array in zip(array_names, (kernel, bias), strict=True):
                group[name] = array
    return Weights(path, architecture, file_digest(path, ""))
