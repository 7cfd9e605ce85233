"""Runtime with OpenVINO, for CPUs."""

import ctypes
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from catalog.features.networks import Network
from catalog.features.openvino_import import import_openvino

# Networks whose descriptors of 20 photographs agree with those of float32 to a cosine of 0.999 when all weights and
# activations are rounded to bfloat16: VGG16 to 0.99998. EfficientNet-Lite2 agrees only to 0.992.
BFLOAT16_NETWORKS = ("vgg16",)


class OpenVinoRuntime:
    """A network on OpenVINO, which releases the GIL while it computes.

    With `parallel_pictures`, each thread computes a picture of its own and never waits for another; otherwise all
    threads compute one picture together.

    One compiled model serves all shapes of pictures. One for each shape would save a tenth of the time, but each keeps
    weights of its own: after seven shapes 150 MB more.
    """

    def __init__(
        self, network: Network, *, layer: str, precision: str, threads: int, parallel_pictures: bool = False
    ) -> None:
        openvino, _ = import_openvino()
        core = openvino.Core()
        model = channels_last(network.build_model(layer, precision))
        self._compiled = core.compile_model(
            model,
            "CPU",
            {
                "NUM_STREAMS": threads if parallel_pictures else 1,
                "INFERENCE_NUM_THREADS": threads,
                # All processes would choose the same cores.
                "ENABLE_CPU_PINNING": False,
                # By default, OpenVINO chooses a precision that depends on the processor.
                "INFERENCE_PRECISION_HINT": float_precision(
                    network.name, core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
                ),
            },
        )
        self._executor = ThreadPoolExecutor(threads) if parallel_pictures else None
        # Requests that are reused by later passes, one per concurrent pass.
        self._requests: deque[Any] = deque(maxlen=threads)
        self._known_shapes: set[tuple[int, ...]] = set()
        del model
        release_unused_memory()

    def feature_maps(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `runtimes.Runtime`."""
        compute = self._executor.map if self._executor else map
        return list(compute(self._picture_maps, pictures))

    def _picture_maps(self, picture: np.ndarray) -> np.ndarray:
        try:
            request = self._requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        request.infer([np.ascontiguousarray(picture)[np.newaxis]], share_inputs=True)
        maps: np.ndarray = request.get_output_tensor().data[0].copy()  # the request reuses its memory
        self._requests.append(request)
        if picture.shape not in self._known_shapes:
            self._known_shapes.add(picture.shape)
            release_unused_memory()
        return maps


def float_precision(network_name: str, capabilities: Sequence[str]) -> str:
    """Return the precision of what a network computes with floats: "bf16" or "f32".

    Args:
        capabilities: the property OPTIMIZATION_CAPABILITIES of the processor.
    """
    return "bf16" if network_name in BFLOAT16_NETWORKS and "BF16" in capabilities else "f32"


def release_unused_memory() -> None:
    """Return memory to the system that was needed only to load a network, or to prepare it for a shape: 10 to 30 MB.

    The C library would keep it for the process. Other libraries than glibc have no such function.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def channels_last(model: Any) -> Any:
    """Return a model whose output is N × H × W × C instead of N × C × H × W, or N × 1 × 1 × C instead of N × C.

    The convolutions compute with channels last, so that this saves a conversion.
    """
    openvino, ops = import_openvino()
    output = model.outputs[0]
    source = output.get_node().input_value(0)
    if output.get_partial_shape().rank.get_length() == 2:
        result = ops.unsqueeze(source, ops.constant(np.array([1, 2], np.int64)))
    else:
        result = ops.transpose(source, ops.constant(np.array([0, 2, 3, 1], np.int64)))
    return openvino.Model([result.output(0)], model.get_parameters(), model.get_friendly_name())
