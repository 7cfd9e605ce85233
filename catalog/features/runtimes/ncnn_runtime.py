"""VGG16 on ncnn, whose Winograd convolutions save most of the multiplications on an ordinary processor.

Winograd for 3×3 convolutions: Lavin & Gray 2016, https://arxiv.org/abs/1509.09308.
"""

from pathlib import Path

import ncnn
import numpy as np

from catalog.exceptions import WeightsDamaged
from catalog.features.preprocessing import network_input
from catalog.features.runtimes.conversion import convert
from catalog.features.weights import Weights


class NcnnRuntime:
    """A network on ncnn. The binding lets go of the GIL while it computes."""

    def __init__(self, weights: Weights, *, input_size: int, layer: str, cache: Path, threads: int) -> None:
        self._shape = weights.architecture.map_shape(layer, input_size)
        self._layer = layer
        self._net = ncnn.Net()
        self._net.opt.num_threads = threads
        self._net.opt.use_vulkan_compute = False
        for shorter in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
            setattr(self._net.opt, f"use_{shorter}", False)  # float32 throughout, to agree with Keras
        param, model = convert(weights, cache)
        if self._net.load_param(str(param)) or self._net.load_model(str(model)):
            raise WeightsDamaged("ncnn cannot read {path}. Remove it; it is made anew.", path=model)

    def maps(self, batch: np.ndarray) -> np.ndarray:
        """See `runtimes.Runtime`."""
        maps = np.empty((len(batch), *self._shape), np.float32)
        for place, picture in zip(maps, batch, strict=True):
            place[:] = self._maps(network_input(picture))
        return maps

    def _maps(self, picture: np.ndarray) -> np.ndarray:
        # Held by name: ncnn borrows the memory of `planes`, and lends that of `found`.
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
        extractor = self._net.create_extractor()
        extractor.input("data", ncnn.Mat(planes))
        status, found = extractor.extract(self._layer)
        if status != 0:
            raise RuntimeError(f"ncnn could not compute {self._layer} (status {status})")
        return np.array(found).transpose(1, 2, 0)
