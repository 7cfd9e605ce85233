"""VGG16 through keras.applications: for GPUs, and what the others are measured against.

TensorFlow is not fork-safe: never open this runtime in a process that forks later.
"""

from functools import partial
from typing import Any

import numpy as np

from catalog.features.architectures import VGG16, Architecture, Convolution
from catalog.features.preprocessing import network_input
from catalog.features.weights import Weights, read
from catalog.quiet_keras import import_quietly

BATCH = 16
ENOUGH_AGREEMENT = 0.999
ANY_SIZE = (None, None, 3)


class KerasRuntime:
    """A network in Keras, called as a function traced for two shapes a size: one picture, and `BATCH` of them.

    Not by `predict`, which leaks when it is called over and over and costs more than the network on a GPU. On a GPU
    it computes in 16 bits, which its tensor cores do several times as fast, unless the maps differ too much by it.
    """

    def __init__(self, weights: Weights, *, layer: str) -> None:
        self._shape_for = partial(weights.architecture.map_shape, layer)
        model = model_of(weights, layer)
        if sees_a_gpu():
            halved = model_of(weights, layer, "mixed_float16")
            model = halved if agree(halved, model) else model
        self._run = import_quietly()[1].function(model)

    def maps(self, batch: np.ndarray) -> np.ndarray:
        """See `runtimes.Runtime`."""
        maps = np.empty((len(batch), *self._shape_for(batch.shape[1])), np.float32)
        for start in range(0, len(batch), BATCH):
            place = maps[start : start + BATCH]
            place[:] = self._run(_padded(network_input(batch[start : start + BATCH])))[: len(place)]
        return maps


def model_of(weights: Weights, layer: str, precision: str = "float32") -> Any:
    """The Keras model from pictures of any size, as `network_input` gives them, to the maps of `layer`.

    Args:
        precision: a dtype policy of Keras: https://keras.io/api/mixed_precision/policy/
    """
    keras, _ = import_quietly()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = _model(keras, weights.architecture)
    finally:
        keras.config.set_dtype_policy(before)
    for name, (kernel, bias) in read(weights).items():
        model.get_layer(name).set_weights([kernel, bias])
    return keras.Model(model.input, model.get_layer(layer).output)


def agree(one: Any, other: Any) -> bool:
    """Whether the maps of two models have a cosine of `ENOUGH_AGREEMENT` or more, for pictures coarse and fine."""
    chance = np.random.default_rng(0)
    coarse = chance.integers(0, 256, (4, 8, 8, 3), np.uint8).repeat(16, axis=1).repeat(16, axis=2)
    fine = chance.integers(0, 256, (4, 128, 128, 3), np.uint8)
    pictures = network_input(np.concatenate([coarse, fine]))
    ours, theirs = (np.asarray(model(pictures), np.float64).reshape(len(pictures), -1) for model in (one, other))
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    # Written so that what overflowed 16 bits, which compares as false, does not agree.
    return bool(((ours * theirs).sum(axis=1) >= ENOUGH_AGREEMENT * lengths).all())


def sees_a_gpu() -> bool:
    """Whether TensorFlow finds a GPU that it can use."""
    _, tensorflow = import_quietly()
    return bool(tensorflow.config.list_physical_devices("GPU"))


def _model(keras: Any, architecture: Architecture) -> Any:
    if architecture == VGG16:
        return keras.applications.VGG16(include_top=False, weights=None, input_shape=ANY_SIZE)
    return _narrow_vgg16(keras, architecture)


def _narrow_vgg16(keras: Any, architecture: Architecture) -> Any:
    """The layers of keras.applications.VGG16, with fewer channels."""
    maps = pictures = keras.Input(ANY_SIZE)
    for layer in architecture.layers():
        if isinstance(layer, Convolution):
            maps = keras.layers.Conv2D(layer.outputs, 3, padding="same", activation="relu", name=layer.name)(maps)
        else:
            maps = keras.layers.MaxPooling2D(2, name=layer.name)(maps)
    return keras.Model(pictures, maps)


def _padded(pictures: np.ndarray) -> np.ndarray:
    missing = 0 if len(pictures) == 1 else BATCH - len(pictures)
    return np.pad(pictures, ((0, missing), (0, 0), (0, 0), (0, 0)))
