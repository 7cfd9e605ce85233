"""Weights files with random numbers, in the layout of Keras."""

import json
from pathlib import Path

import h5py
import numpy as np

from catalog.features.networks import vgg16
from catalog.features.networks.efficientnet_lite import EfficientNetLite2
from catalog.features.networks.vgg16 import Vgg16
from catalog.features.weights import file_digest


def write_random_vgg16(path: Path, *, names: tuple[str, str] = ("kernel:0", "bias:0"), dtype: str = "<f4") -> Vgg16:
    """Write random kernels, scaled as in He et al. (ICCV 2015), so that activations do not vanish in deep layers."""
    rng = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        layers = vgg16.convolutions()
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            scale = np.float32((2 / (9 * layer.in_channels)) ** 0.5)
            kernel = rng.standard_normal((3, 3, layer.in_channels, layer.out_channels), np.float32) * scale
            bias = rng.standard_normal(layer.out_channels, np.float32)
            array_names = [f"{layer.name}/{name.format(layer=layer.name)}" for name in names]
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [name.encode() for name in array_names]
            for name, array in zip(array_names, (kernel, bias), strict=True):
                group[name] = array.astype(dtype)
    return Vgg16(path, file_digest(path, ""))


def write_tiny_efficientnet(path: Path, channels: int = 8) -> EfficientNetLite2:
    """Write a network of three layers with the format of the bundled one: a strided one, a depthwise one, a sum."""
    rng = np.random.default_rng(3)
    layers = [
        {"name": "stem", "kind": "convolution", "size": 3, "stride": 2, "inputs": 3, "outputs": channels},
        {"name": "deep", "kind": "depthwise", "size": 5, "stride": 1, "inputs": channels, "outputs": channels},
        {"name": "head", "kind": "convolution", "size": 1, "stride": 1, "inputs": channels, "outputs": channels},
    ]
    for layer, activation, added in zip(layers, ("relu6", "relu6", "none"), ("", "", "stem"), strict=True):
        layer |= {"activation": activation, "add_output_of": added}
    with h5py.File(path, "w") as file:
        for layer in layers:
            inputs = 1 if layer["kind"] == "depthwise" else layer["inputs"]
            kernel = rng.standard_normal((layer["size"], layer["size"], inputs, channels), np.float32)
            file[f"{layer['name']}/kernel"] = kernel.astype("<f2")
            file[f"{layer['name']}/bias"] = rng.standard_normal(channels, np.float32).astype("<f2")
        file.attrs["layers"] = np.bytes_(json.dumps(layers))
    return EfficientNetLite2(path, file_digest(path, ""))
