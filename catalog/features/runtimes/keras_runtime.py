"""Runtime with Keras: for GPUs, and the reference for the other runtimes.

TensorFlow is not fork-safe: never open this runtime in a process that forks later.
"""

from functools import partial
from typing import Any

import numpy as np

from catalog.features.networks import VGG16, Architecture, Convolution
from catalog.features.preprocessing import preprocess_input
from catalog.features.weights import Weights, read_layers
from catalog.keras_import import import_keras

BATCH_SIZE = 16
MIN_AGREEMENT_COSINE = 0.999
INPUT_SHAPE = (None, None, 3)


class KerasRuntime:
    """A network in Keras.

    It is a traced function, with two traces for each input size: one for a single picture, one for `BATCH_SIZE`
    pictures. `predict` leaks memory when it is called repeatedly, and its overhead exceeds the time of the network on a
    GPU. On a GPU, the network computes in float16, which is several times as fast on tensor cores, unless its feature
    maps differ too much from those in float32.
    """

    def __init__(self, weights: Weights, *, layer: str) -> None:
        self._output_shape = partial(weights.architecture.feature_map_shape, layer)
        model = build_model(weights, layer)
        if has_gpu():
            float16_model = build_model(weights, layer, "mixed_float16")
            model = float16_model if outputs_agree(float16_model, model) else model
        self._run = import_keras()[1].function(model)

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """See `runtimes.Runtime`."""
        maps = np.empty((len(batch), *self._output_shape(batch.shape[1])), np.float32)
        for start in range(0, len(batch), BATCH_SIZE):
            output = maps[start : start + BATCH_SIZE]
            output[:] = self._run(_pad_batch(preprocess_input(batch[start : start + BATCH_SIZE])))[: len(output)]
        return maps


def build_model(weights: Weights, layer: str, precision: str = "float32") -> Any:
    """Return a Keras model from the output of `preprocess_input`, of any size, to the feature maps of `layer`.

    Args:
        precision: a dtype policy of Keras: https://keras.io/api/mixed_precision/policy/
    """
    keras, _ = import_keras()
    previous_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = _build_architecture(keras, weights.architecture)
    finally:
        keras.config.set_dtype_policy(previous_policy)
    for name, (kernel, bias) in read_layers(weights).items():
        model.get_layer(name).set_weights([kernel, bias])
    return keras.Model(model.input, model.get_layer(layer).output)


def outputs_agree(first: Any, second: Any) -> bool:
    """Return whether the maps of two models agree (`MIN_AGREEMENT_COSINE`) for random pictures, coarse and fine."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (4, 8, 8, 3), np.uint8).repeat(16, axis=1).repeat(16, axis=2)
    fine = rng.integers(0, 256, (4, 128, 128, 3), np.uint8)
    pictures = preprocess_input(np.concatenate([coarse, fine]))
    first_maps, second_maps = (
        np.asarray(model(pictures), np.float64).reshape(len(pictures), -1) for model in (first, second)
    )
    norms = np.linalg.norm(first_maps, axis=1) * np.linalg.norm(second_maps, axis=1)
    # After an overflow of float16 the values are infinite or NaN, and this comparison is false.
    return bool(((first_maps * second_maps).sum(axis=1) >= MIN_AGREEMENT_COSINE * norms).all())


def has_gpu() -> bool:
    """Return whether TensorFlow can use a GPU."""
    _, tensorflow = import_keras()
    return bool(tensorflow.config.list_physical_devices("GPU"))


def _build_architecture(keras: Any, architecture: Architecture) -> Any:
    if architecture == VGG16:
        return keras.applications.VGG16(include_top=False, weights=None, input_shape=INPUT_SHAPE)
    return _build_narrow_vgg16(keras, architecture)


def _build_narrow_vgg16(keras: Any, architecture: Architecture) -> Any:
    """Build the layers of keras.applications.VGG16 with other numbers of channels."""
    maps = pictures = keras.Input(INPUT_SHAPE)
    for layer in architecture.layers():
        if isinstance(layer, Convolution):
            maps = keras.layers.Conv2D(layer.out_channels, 3, padding="same", activation="relu", name=layer.name)(maps)
        else:
            maps = keras.layers.MaxPooling2D(2, name=layer.name)(maps)
    return keras.Model(pictures, maps)


def _pad_batch(pictures: np.ndarray) -> np.ndarray:
    padding = 0 if len(pictures) == 1 else BATCH_SIZE - len(pictures)
    return np.pad(pictures, ((0, padding), (0, 0), (0, 0), (0, 0)))
