"""Runtimes, which run a network. All of them compute the same feature maps from the same weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from catalog.exceptions import WeightsUnavailable
from catalog.features.networks import Network
from catalog.features.networks.efficientnet_lite import EfficientNetLite2
from catalog.features.networks.vgg16 import Vgg16

RUNTIMES = ("auto", "openvino", "keras")


class Runtime(Protocol):
    """A loaded network. Thread-safe."""

    def feature_maps(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the output of the layer for which the runtime was opened.

        Args:
            pictures: RGB, each uint8 (height, width, 3). Their shapes may differ.

        Returns:
            for each picture its feature maps, float32 (rows, columns, channels). A network that returns vectors has one
            row and one column.
        """


def open_runtime(  # noqa: PLR0913, all but two are keyword-only
    name: str, network: Network, *, layer: str, precision: str, threads: int, parallel_pictures: bool = False
) -> Runtime:
    """Load a network.

    Args:
        name: `openvino`, `keras`, or `auto`: Keras if it can use a GPU and knows the network, otherwise OpenVINO.
        layer: see `networks.ExtractorConfig`, as is `precision`.
        threads: the number of threads for OpenVINO. TensorFlow chooses its own.
        parallel_pictures: whether each OpenVINO thread computes a picture of its own, for the throughput of a worker.
            Otherwise all threads compute one picture together, for a short response time.

    Raises:
        ValueError: there is no runtime, layer or precision of that name.
        WeightsUnavailable: the weights cannot be read, or the runtime does not know the network.
        WeightsDamaged: the weights are damaged, or belong to another network.
    """
    if name not in RUNTIMES:
        raise ValueError(f"There is no runtime {name!r}. Choose one of {', '.join(RUNTIMES)}.")
    network.channels(layer)  # raises for an unknown layer
    if name == "keras" and not isinstance(network, Vgg16 | EfficientNetLite2):
        raise WeightsUnavailable(
            "{name} cannot run on IMAGESEARCH_RUNTIME=keras, which knows only vgg16 and efficientnet-lite2. "
            "Set IMAGESEARCH_RUNTIME=openvino.",
            name=network.name,
        )
    if isinstance(network, Vgg16 | EfficientNetLite2) and (name == "keras" or (name == "auto" and _keras_has_gpu())):
        from catalog.features.runtimes.keras_runtime import KerasRuntime

        return KerasRuntime(network, layer=layer, precision=precision)
    from catalog.features.runtimes.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(
        network, layer=layer, precision=precision, threads=threads, parallel_pictures=parallel_pictures
    )


def _keras_has_gpu() -> bool:
    # Without a GPU device, there is no need to import TensorFlow.
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    from catalog.features.runtimes.keras_runtime import has_gpu

    return has_gpu()
