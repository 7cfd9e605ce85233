"""A trained network → a weights file as the program reads it."""

from pathlib import Path

import h5py
import numpy as np
from torch import nn

from catalog.durability import whole_file
from catalog.exceptions import StoreUnavailable
from catalog.features.weights import Layers
from tools.training.network import SCALE, ClassifyingNetwork


def folded(network: ClassifyingNetwork) -> Layers:
    """Kernels (float64, height × width × inputs × outputs) and biases (float64, outputs) by layer.

    Batch normalisation as it is after training (γ (x − mean) / √(variance + ε) + β) is a factor and a summand for
    each output, and goes into the convolution before it. The first kernel takes what
    `keras.applications.vgg16.preprocess_input` gives: BGR, not scaled.
    """
    layers = {
        name: _folded(block[0], block[1])
        for name, block in network.convolutions.named_children()
        if isinstance(block, nn.Sequential)
    }
    first = next(iter(layers))
    kernel, bias = layers[first]
    layers[first] = kernel[:, :, ::-1] / SCALE, bias
    return layers


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    kernel = convolution.weight.double() * factor.view(-1, 1, 1, 1)
    bias = norm.bias.double() - norm.running_mean.double() * factor
    return kernel.permute(2, 3, 1, 0).detach().cpu().numpy(), bias.detach().cpu().numpy()


def write(layers: Layers, path: Path) -> None:
    """Write a weights file: HDF5, float16, groups and attributes as in Keras's own of VGG16.

    Raises:
        StoreUnavailable: the disk refuses; what stood at `path` stands there still.
    """
    try:
        with whole_file(path) as draft, h5py.File(draft, "w") as file:
            file.attrs["backend"] = b"tensorflow"
            file.attrs["layer_names"] = np.array(list(layers), "S")
            for name, arrays in layers.items():
                within = [f"{name}/kernel:0", f"{name}/bias:0"]
                group = file.create_group(name)
                group.attrs["weight_names"] = np.array(within, "S")
                for one, array in zip(within, arrays, strict=True):
                    group[one] = array.astype(np.float16)
    except OSError as fault:
        raise cannot_write(path, fault) from fault


def cannot_write(path: Path, fault: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        "The weights cannot be written to {path}: {fault}.", path=path, fault=fault.strerror or fault
    )
