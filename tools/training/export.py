"""Export of a trained network to a weights file."""

from pathlib import Path

import h5py
import numpy as np
from torch import nn

from catalog.atomic_write import atomic_write
from catalog.exceptions import StoreUnavailable
from catalog.features.weights import LayerWeights
from tools.training.network import SCALE, ClassifyingNetwork


def fold_batch_norms(network: ClassifyingNetwork) -> LayerWeights:
    """Return the kernel, float64 (height, width, inputs, outputs), and bias, float64 (outputs,), of each layer.

    After training, batch normalisation γ (x − mean) / √(variance + ε) + β is a factor and an offset for each output
    channel, which are folded into the convolution before it. The first kernel expects the output of
    `keras.applications.vgg16.preprocess_input`: BGR, not scaled.
    """
    layers = {
        name: _fold_batch_norm(block[0], block[1])
        for name, block in network.convolutions.named_children()
        if isinstance(block, nn.Sequential)
    }
    first = next(iter(layers))
    kernel, bias = layers[first]
    layers[first] = kernel[:, :, ::-1] / SCALE, bias
    return layers


def _fold_batch_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    kernel = convolution.weight.double() * factor.view(-1, 1, 1, 1)
    bias = norm.bias.double() - norm.running_mean.double() * factor
    return kernel.permute(2, 3, 1, 0).detach().cpu().numpy(), bias.detach().cpu().numpy()


def write(layers: LayerWeights, path: Path) -> None:
    """Write a weights file: HDF5, float16, with the groups and attributes of the VGG16 file by Keras.

    Raises:
        StoreUnavailable: the file cannot be written; an existing file is left unchanged.
    """
    try:
        with atomic_write(path) as temp_path, h5py.File(temp_path, "w") as file:
            file.attrs["backend"] = b"tensorflow"
            file.attrs["layer_names"] = np.array(list(layers), "S")
            for name, arrays in layers.items():
                array_names = [f"{name}/kernel:0", f"{name}/bias:0"]
                group = file.create_group(name)
                group.attrs["weight_names"] = np.array(array_names, "S")
                for array_name, array in zip(array_names, arrays, strict=True):
                    group[array_name] = array.astype(np.float16)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        "The weights cannot be written to {path}: {error}.", path=path, error=error.strerror or error
    )
