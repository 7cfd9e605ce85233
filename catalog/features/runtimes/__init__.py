"""Runtimes: what runs the network. All give the same maps for the same weights."""

from pathlib import Path
from typing import Protocol

import numpy as np

from catalog.features.weights import Weights

RUNTIMES = ("auto", "ncnn", "keras")


class Runtime(Protocol):
    """A loaded network, safe to be used by several threads at once."""

    def maps(self, batch: np.ndarray) -> np.ndarray:
        """The maps of the layer it was opened for.

        Args:
            batch: uint8, n × size × size × 3, RGB; n may be 0, and the size another one at each call.

        Returns:
            float32, n × side × side × channels, not negative.
        """


def open_runtime(  # noqa: PLR0913, all but two by name
    name: str, weights: Weights, *, layer: str, cache: Path, threads: int, side_by_side: bool = False
) -> Runtime:
    """Load a network.

    Args:
        name: `ncnn`, `keras`, or `auto`: Keras where there is a GPU for it, else ncnn.
        layer: `block5_conv3` (after its ReLU), `block5_pool`, or another of the architecture.
        cache: a folder for what is converted from the weights.
        threads: how many ncnn may use; TensorFlow has its own mind.
        side_by_side: whether ncnn's threads compute several pictures at once, each one of them, as suits a worker;
            otherwise all compute one picture together, as suits somebody who waits for it.

    Raises:
        ValueError: there is no runtime, or no layer, of that name.
        WeightsUnavailable, WeightsDamaged: the weights cannot be read, or are not this architecture's.
        StoreUnavailable: `cache` cannot be written to.
    """
    if name not in RUNTIMES:
        raise ValueError(f"There is no runtime {name!r}: choose one of {', '.join(RUNTIMES)}.")
    weights.architecture.map_shape(layer, 0)  # a layer that is not there is refused now, and not at the first picture
    if name == "keras" or (name == "auto" and _keras_sees_a_gpu()):
        from catalog.features.runtimes.keras_runtime import KerasRuntime

        return KerasRuntime(weights, layer=layer)
    from catalog.features.runtimes.ncnn_runtime import NcnnRuntime

    return NcnnRuntime(weights, layer=layer, cache=cache, threads=threads, side_by_side=side_by_side)


def _keras_sees_a_gpu() -> bool:
    # Spares most machines from importing TensorFlow to find out.
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    from catalog.features.runtimes.keras_runtime import sees_a_gpu

    return sees_a_gpu()
