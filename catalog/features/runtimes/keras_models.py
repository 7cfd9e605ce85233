"""The networks of this program as Keras models."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.features.networks import efficientnet_lite, graph, vgg16
from catalog.features.networks.efficientnet_lite import EfficientNetLite2
from catalog.features.networks.vgg16 import Vgg16
from catalog.keras_import import import_keras

INPUT_SHAPE = (None, None, 3)


def preprocess_input(network: Vgg16 | EfficientNetLite2, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the input of `build_model` for pictures; for VGG16, as keras.applications.vgg16.preprocess_input.

    Args:
        batch: uint8 (N, H, W, 3), RGB.

    Returns:
        float32 (N, H, W, 3).
    """
    if isinstance(network, Vgg16):
        return batch[..., ::-1].astype(np.float32) - vgg16.MEANS_BGR
    return (batch.astype(np.float32) - np.float32(efficientnet_lite.MEAN)) * np.float32(efficientnet_lite.SCALE)


def build_model(
    network: Vgg16 | EfficientNetLite2, layer: str, precision: str = "float32", policy: str = "float32"
) -> Any:
    """Return a Keras model from the output of `preprocess_input`, of any size, to the feature maps of `layer`.

    Args:
        precision: "float32", or for VGG16 "int8": the same function as OpenVINO computes in int8, computed with floats
            that are rounded to the same levels.
        policy: a dtype policy of Keras: https://keras.io/api/mixed_precision/policy/

    Raises:
        ValueError: the network does not offer the precision.
        WeightsUnavailable, WeightsDamaged: as `networks.Network.build_model`.
    """
    if precision not in (("float32", "int8") if isinstance(network, Vgg16) else ("float32",)):
        raise ValueError(f"{network.name} has no precision {precision!r}.")
    keras, _ = import_keras()
    previous_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        if isinstance(network, EfficientNetLite2):
            return _build_efficientnet(keras, network, layer)
        if precision == "int8":
            return _build_int8_vgg16(keras, network, layer)
        model = keras.applications.VGG16(include_top=False, weights=None, input_shape=INPUT_SHAPE)
    finally:
        keras.config.set_dtype_policy(previous_policy)
    for name, arrays in vgg16.read_layers(network).items():
        model.get_layer(name).set_weights(list(arrays))
    return keras.Model(model.input, model.get_layer(layer).output)


def _build_int8_vgg16(keras: Any, network: Vgg16, last_layer: str) -> Any:
    arrays, ranges = vgg16.read_layers(network), vgg16.activation_ranges()
    maps = pictures = keras.Input(INPUT_SHAPE)
    maps = _round_to_levels(keras, maps, *vgg16.INPUT_RANGE)
    for layer in vgg16.layers():
        if isinstance(layer, vgg16.Convolution):
            convolution = keras.layers.Conv2D(layer.out_channels, 3, padding="same", activation="relu", name=layer.name)
            maps = convolution(maps)
            kernel, bias = arrays[layer.name]
            convolution.set_weights([graph.rounded_kernel(kernel, vgg16.weight_levels(layer)), bias])
            if layer.name != last_layer:
                maps = _round_to_levels(keras, maps, 0.0, ranges[layer.name])
        else:
            maps = keras.layers.MaxPooling2D(2, name=layer.name)(maps)
        if layer.name == last_layer:
            break
    return keras.Model(pictures, maps)


def _round_to_levels(keras: Any, maps: Any, low: float, high: float) -> Any:
    step = (high - low) / (graph.ACTIVATION_LEVELS - 1)
    return keras.ops.round((keras.ops.clip(maps, low, high) - low) / step) * step + low


def _build_efficientnet(keras: Any, network: EfficientNetLite2, last_layer: str) -> Any:
    arrays = efficientnet_lite.read_layers(network)
    maps = pictures = keras.Input(INPUT_SHAPE)
    outputs: dict[str, Any] = {}
    for layer in efficientnet_lite.read_architecture(network):
        options = {"strides": layer.stride, "padding": "same", "name": layer.name}
        kernel, bias = arrays[layer.name]
        if layer.kind == "depthwise":
            convolution = keras.layers.DepthwiseConv2D(layer.size, **options)
            kernel = kernel.transpose(0, 1, 3, 2)  # (height, width, channels, 1)
        else:
            convolution = keras.layers.Conv2D(layer.outputs, layer.size, **options)
        maps = convolution(maps)
        convolution.set_weights([kernel, bias])
        if layer.activation == "relu6":
            maps = keras.ops.relu6(maps)
        if layer.add_output_of:
            maps = maps + outputs[layer.add_output_of]
        outputs[layer.name] = maps
        if layer.name == last_layer:
            break
    return keras.Model(pictures, maps)
