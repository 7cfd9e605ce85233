"""VGG16 on ncnn, whose Winograd convolutions save most of the multiplications on an ordinary processor.

Winograd for 3×3 convolutions: Lavin & Gray 2016, https://arxiv.org/abs/1509.09308.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from catalog.exceptions import WeightsDamaged
from catalog.features.preprocessing import MEANS_BGR
from catalog.features.runtimes.conversion import convert
from catalog.features.weights import Weights

# Read when ncnn is loaded. OpenMP's threads spin while they wait for one another; where other processes want the
# processor too, that made a picture take fifty times as long. Asleep they cost nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import ncnn


class NcnnRuntime:
    """A network on ncnn. The binding lets go of the GIL while it computes.

    With `side_by_side`, each of several pictures is computed by one thread, so that no thread waits for another;
    without, all threads compute one picture together, for the person who waits for it. ncnn fixes which when
    the network is loaded.
    """

    def __init__(self, weights: Weights, *, layer: str, cache: Path, threads: int, side_by_side: bool) -> None:
        self._shape_for = partial(weights.architecture.map_shape, layer)
        self._layer = layer
        self._net = ncnn.Net()
        self._pool = ThreadPoolExecutor(threads) if side_by_side else None
        self._net.opt.num_threads = 1 if side_by_side else threads
        self._net.opt.use_vulkan_compute = False
        for shorter in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
            setattr(self._net.opt, f"use_{shorter}", False)  # float32 throughout, to agree with Keras
        # Memory that one pass leaves to the next, as many as compute at once: without, the compact network spends
        # a third of its time on asking the system for it. More passes than that at once get their own for a while.
        self._memory: deque[ncnn.PoolAllocator] = deque(maxlen=threads if side_by_side else 1)
        param, model = convert(weights, cache)
        if self._net.load_param(str(param)) or self._net.load_model(str(model)):
            raise WeightsDamaged("ncnn cannot read {path}. Remove it; it is made anew.", path=model)

    def maps(self, batch: np.ndarray) -> np.ndarray:
        """See `runtimes.Runtime`."""
        maps = np.empty((len(batch), *self._shape_for(batch.shape[1])), np.float32)
        compute = self._pool.map if self._pool else map
        for place, found in zip(maps, compute(self._maps, batch), strict=True):
            place[:] = found
        return maps

    def _maps(self, picture: np.ndarray) -> np.ndarray:
        try:
            memory = self._memory.pop()
        except IndexError:
            memory = ncnn.PoolAllocator()
        maps = self._maps_within(memory, picture)
        self._memory.append(memory)
        return maps

    def _maps_within(self, memory: ncnn.PoolAllocator, picture: np.ndarray) -> np.ndarray:
        """One pass. All that lies in `memory` is let go of when this returns."""
        height, width, _ = picture.shape
        pixels = ncnn.Mat.from_pixels(np.ascontiguousarray(picture), ncnn.Mat.PixelType.PIXEL_RGB2BGR, width, height)
        pixels.substract_mean_normalize(MEANS_BGR.tolist(), [])
        extractor = self._net.create_extractor()
        extractor.set_blob_allocator(memory)
        extractor.set_workspace_allocator(memory)
        extractor.input("data", pixels)
        status, found = extractor.extract(self._layer)
        if status != 0:
            raise RuntimeError(f"ncnn could not compute {self._layer} (status {status})")
        return np.array(found).transpose(1, 2, 0)
