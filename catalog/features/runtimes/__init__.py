"""Runtimes, which run a network. All of them compute the same feature maps from the same weights."""

from pathlib import Path
from typing import NotRequired, Protocol, TypedDict

import numpy as np

from catalog.features.weights import Weights

RUNTIMES = ("auto", "ncnn", "keras")


class Runtime(Protocol):
    """A loaded network. Thread-safe."""

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """Return the feature maps of the layer for which the runtime was opened.

        Args:
            batch: RGB, uint8 (n, size, size, 3); n may be 0, and the size may differ between calls.

        Returns:
            float32 (n, side, side, channels), not negative.
        """


class RuntimeOptions(TypedDict):
    """Keyword arguments of `open_runtime` that are the same for all networks."""

    cache_dir: Path
    threads: int
    parallel_pictures: NotRequired[bool]


def open_runtime(  # noqa: PLR0913, all but two are keyword-only
    name: str, weights: Weights, *, layer: str, cache_dir: Path, threads: int, parallel_pictures: bool = False
) -> Runtime:
    """Load a network.

    Args:
        name: `ncnn`, `keras`, or `auto`: Keras if it can use a GPU, otherwise ncnn.
        layer: `block5_conv3` (after its ReLU), `block5_pool`, or another layer of the network.
        cache_dir: a folder for converted weights.
        threads: the number of threads for ncnn. TensorFlow chooses its own.
        parallel_pictures: whether each ncnn thread computes a picture of its own, for the throughput of a worker.
            Otherwise all threads compute one picture together, for a short response time.

    Raises:
        ValueError: there is no runtime or no layer of that name.
        WeightsUnavailable: the weights cannot be read.
        WeightsDamaged: the weights are damaged, or belong to another network.
        StoreUnavailable: `cache_dir` cannot be written to.
    """
    if name not in RUNTIMES:
        raise ValueError(f"There is no runtime {name!r}. Choose one of {', '.join(RUNTIMES)}.")
    weights.architecture.feature_map_shape(layer, 0)  # raises for an unknown layer now, not at the first picture
    if name == "keras" or (name == "auto" and _keras_has_gpu()):
        from catalog.features.runtimes.keras_runtime import KerasRuntime

        return KerasRuntime(weights, layer=layer)
    from catalog.features.runtimes.ncnn_runtime import NcnnRuntime

    return NcnnRuntime(weights, layer=layer, cache_dir=cache_dir, threads=threads, parallel_pictures=parallel_pictures)


def _keras_has_gpu() -> bool:
    # Without a GPU device, there is no need to import TensorFlow.
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    from catalog.features.runtimes.keras_runtime import has_gpu

    return has_gpu()
