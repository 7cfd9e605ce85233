"""Runtime with ncnn, for CPUs.

Its Winograd convolutions save most of the multiplications: Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks", CVPR 2016, https://arxiv.org/abs/1509.09308.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from catalog.exceptions import WeightsDamaged
from catalog.features.preprocessing import MEANS_BGR
from catalog.features.runtimes.conversion import convert_to_ncnn
from catalog.features.weights import Weights

# ncnn reads these variables when it is loaded. By default, OpenMP threads spin while they wait for each other. When
# other processes used the CPU as well, a picture took fifty times as long. Sleeping threads have no such cost.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import ncnn


class NcnnRuntime:
    """A network on ncnn, which releases the GIL while it computes.

    With `parallel_pictures`, each thread computes a picture of its own and never waits for another; otherwise all
    threads compute one picture together. ncnn requires this choice when the network is loaded.
    """

    def __init__(self, weights: Weights, *, layer: str, cache_dir: Path, threads: int, parallel_pictures: bool) -> None:
        self._output_shape = partial(weights.architecture.feature_map_shape, layer)
        self._layer = layer
        self._net = ncnn.Net()
        self._executor = ThreadPoolExecutor(threads) if parallel_pictures else None
        self._net.opt.num_threads = 1 if parallel_pictures else threads
        self._net.opt.use_vulkan_compute = False
        for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
            setattr(self._net.opt, f"use_{option}", False)  # float32 everywhere, to agree with Keras
        # Memory pools that are reused by later passes, one per concurrent pass. Without them, the compact network
        # spends a third of its time on allocating memory. Additional concurrent passes get temporary pools.
        self._allocators: deque[ncnn.PoolAllocator] = deque(maxlen=threads if parallel_pictures else 1)
        param_path, model_path = convert_to_ncnn(weights, cache_dir)
        if self._net.load_param(str(param_path)) or self._net.load_model(str(model_path)):
            raise WeightsDamaged("ncnn cannot read {path}. Delete the file; it is then created again.", path=model_path)

    def feature_maps(self, batch: np.ndarray) -> np.ndarray:
        """See `runtimes.Runtime`."""
        maps = np.empty((len(batch), *self._output_shape(batch.shape[1])), np.float32)
        compute = self._executor.map if self._executor else map
        for output, picture_maps in zip(maps, compute(self._picture_maps, batch), strict=True):
            output[:] = picture_maps
        return maps

    def _picture_maps(self, picture: np.ndarray) -> np.ndarray:
        try:
            allocator = self._allocators.pop()
        except IndexError:
            allocator = ncnn.PoolAllocator()
        maps = self._run_network(allocator, picture)
        self._allocators.append(allocator)
        return maps

    def _run_network(self, allocator: ncnn.PoolAllocator, picture: np.ndarray) -> np.ndarray:
        """Run one pass. All memory of `allocator` is free again when this returns."""
        height, width, _ = picture.shape
        pixels = ncnn.Mat.from_pixels(np.ascontiguousarray(picture), ncnn.Mat.PixelType.PIXEL_RGB2BGR, width, height)
        pixels.substract_mean_normalize(MEANS_BGR.tolist(), [])
        extractor = self._net.create_extractor()
        extractor.set_blob_allocator(allocator)
        extractor.set_workspace_allocator(allocator)
        extractor.input("data", pixels)
        status, output = extractor.extract(self._layer)
        if status != 0:
            raise RuntimeError(f"ncnn could not compute {self._layer} (status {status})")
        return np.array(output).transpose(1, 2, 0)
