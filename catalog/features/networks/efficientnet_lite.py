"""EfficientNet-Lite2, the network that is bundled with the program. See efficientnet_lite2/MODEL_CARD.md.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite variants are
described at https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from catalog.exceptions import Message, WeightsDamaged, gettext_noop
from catalog.features import weights
from catalog.features.networks import ExtractorConfig, graph
from catalog.features.recipes import EXTRACTOR_CONFIGS

if TYPE_CHECKING:
    import openvino

NAME = "efficientnet-lite2"
WEIGHTS_FILE = Path(__file__).parent / "efficientnet_lite2" / "efficientnet-lite2.h5"
MEAN, SCALE = 127.0, 1 / 128


@dataclass(frozen=True)
class Layer:
    """A convolution with what follows it, as the attribute `layers` of the weights file describes it.

    Attributes:
        kind: "convolution" or "depthwise".
        size: side of the kernel.
        activation: "relu6" or "none".
        add_output_of: the layer whose output is added at the end; empty for none.
    """

    name: str
    kind: str
    size: int
    stride: int
    inputs: int
    outputs: int
    activation: str
    add_output_of: str


@dataclass(frozen=True)
class EfficientNetLite2:
    """EfficientNet-Lite2 with the bundled weights. See `networks.Network`."""

    path: Path
    digest: str
    name: str = NAME

    @property
    def recipe(self) -> ExtractorConfig:
        return EXTRACTOR_CONFIGS[NAME]

    def channels(self, layer: str) -> int:
        for current in read_architecture(self):
            if current.name == layer:
                return current.outputs
        raise ValueError(f"{self.name} has no layer {layer!r}.")

    def build_model(self, layer: str, precision: str) -> "openvino.Model":
        self.channels(layer)  # raises for an unknown layer
        if precision != "float32":
            raise ValueError(f"{self.name} has no precision {precision!r}.")
        arrays = read_layers(self)
        pictures = graph.picture_input()
        outputs = {"": graph.normalised_input(pictures, [MEAN] * 3, SCALE)}
        previous = ""
        for current in read_architecture(self):
            outputs[current.name] = _build_layer(current, outputs[previous], arrays[current.name], outputs)
            previous = current.name
            if previous == layer:
                break
        return graph.to_model(pictures, outputs[layer], self.name)


def _build_layer(layer: Layer, maps: Any, arrays: tuple[np.ndarray, np.ndarray], outputs: dict[str, Any]) -> Any:
    build = graph.depthwise_convolution if layer.kind == "depthwise" else graph.convolution
    maps = build(maps, *arrays, stride=layer.stride)
    if layer.activation == "relu6":
        maps = graph.relu6(maps)
    return graph.add(maps, outputs[layer.add_output_of]) if layer.add_output_of else maps


def efficientnet_lite2_network() -> EfficientNetLite2:
    """Return the bundled network. Raises WeightsUnavailable if the installation is incomplete."""
    return EfficientNetLite2(
        WEIGHTS_FILE, weights.file_digest(WEIGHTS_FILE, Message(gettext_noop("Reinstall the program.")))
    )


def read_architecture(network: EfficientNetLite2) -> list[Layer]:
    """Return all layers in order. Raises WeightsDamaged."""
    try:
        with h5py.File(network.path, "r") as file:
            return [Layer(**layer) for layer in json.loads(file.attrs["layers"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(network, error) from error


def read_layers(network: EfficientNetLite2) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return kernel, float32 (height, width, inputs per group, outputs), and bias, float32 (outputs,), of each layer.

    Raises:
        WeightsUnavailable: the file cannot be read.
        WeightsDamaged: it has changed since `network` was created, or lacks a layer.
    """
    weights.require_digest(network.path, network.digest)
    try:
        with h5py.File(network.path, "r") as file:
            return {
                layer.name: (
                    file[layer.name]["kernel"][()].astype(np.float32),
                    file[layer.name]["bias"][()].astype(np.float32),
                )
                for layer in read_architecture(network)
            }
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(network, error) from error


def _damaged(network: EfficientNetLite2, error: Exception) -> WeightsDamaged:
    return WeightsDamaged(
        "{path} does not contain the weights of {name}: {error}.", path=network.path, name=NAME, error=error
    )
