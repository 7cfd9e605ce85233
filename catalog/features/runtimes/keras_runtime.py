"""Runtime with Keras: for GPUs, and the reference for the other runtime.

TensorFlow is not fork-safe: never open this runtime in a process that forks later.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from catalog.features.by_shape import group_by_shape
from catalog.features.networks.efficientnet_lite import EfficientNetLite2
from catalog.features.networks.vgg16 import Vgg16
from catalog.features.runtimes.keras_models import build_model, preprocess_input
from catalog.keras_import import import_keras

BATCH_SIZE = 16
MIN_AGREEMENT_COSINE = 0.999


class KerasRuntime:
    """A network in Keras.

    It is a traced function, with two traces for each shape of pictures: one for a single picture, one for `BATCH_SIZE`
    pictures. `predict` leaks memory when it is called repeatedly, and its overhead exceeds the time of the network on a
    GPU. On a GPU, the network computes in float16, which is several times as fast on tensor cores, unless its feature
    maps differ too much from those in float32.
    """

    def __init__(self, network: Vgg16 | EfficientNetLite2, *, layer: str, precision: str) -> None:
        self._network = network
        model = build_model(network, layer, precision)
        if has_gpu():
            float16_model = build_model(network, layer, precision, "mixed_float16")
            model = float16_model if outputs_agree(network, float16_model, model) else model
        self._run = import_keras()[1].function(model)

    def feature_maps(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `runtimes.Runtime`."""
        maps: list[np.ndarray] = [np.empty(0, np.float32)] * len(pictures)
        for indices, batch in group_by_shape(pictures, BATCH_SIZE):
            inputs = _pad_batch(preprocess_input(self._network, batch))
            outputs = np.asarray(self._run(inputs), np.float32)
            for index, output in zip(indices, outputs, strict=False):  # without the padding
                maps[index] = output
        return maps


def outputs_agree(network: Vgg16 | EfficientNetLite2, first: Any, second: Any) -> bool:
    """Return whether the maps of two models agree (`MIN_AGREEMENT_COSINE`) for random pictures, coarse and fine."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (4, 8, 8, 3), np.uint8).repeat(16, axis=1).repeat(16, axis=2)
    fine = rng.integers(0, 256, (4, 128, 128, 3), np.uint8)
    pictures = preprocess_input(network, np.concatenate([coarse, fine]))
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


def _pad_batch(pictures: np.ndarray) -> np.ndarray:
    padding = 0 if len(pictures) == 1 else BATCH_SIZE - len(pictures)
    return np.pad(pictures, ((0, padding), (0, 0), (0, 0), (0, 0)))
