"""Parts of networks as OpenVINO graphs. Feature maps are N × C × H × W, kernels in files H × W × inputs × outputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.features.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

INPUT_NAME = "pictures"
# Levels of an unsigned activation and of a symmetric weight in 8 bits.
ACTIVATION_LEVELS = 256
WEIGHT_LEVELS = 255


def picture_input() -> Any:
    """Return the input of a model: uint8 N × H × W × 3, RGB."""
    _, ops = import_openvino()
    return ops.parameter([-1, -1, -1, 3], np.uint8, name=INPUT_NAME)


def normalised_input(pictures: Any, mean: Sequence[float], scale: float = 1.0, *, bgr: bool = False) -> Any:
    """Return the maps (picture − mean) · scale, float32 N × 3 × H × W.

    Args:
        mean: for each channel, in the order of the maps.
        bgr: whether the first channel is blue, as in models from Caffe.
    """
    _, ops = import_openvino()
    channels = ops.convert(pictures, "f32")
    if bgr:
        channels = ops.gather(channels, ops.constant(np.array([2, 1, 0], np.int64)), ops.constant(np.int64(3)))
    channels = ops.subtract(channels, ops.constant(np.array(mean, np.float32).reshape(1, 1, 1, 3)))
    if scale != 1.0:
        channels = ops.multiply(channels, ops.constant(np.float32(scale)))
    return ops.transpose(channels, ops.constant(np.array([0, 3, 1, 2], np.int64)))


def convolution(maps: Any, kernel: Any, bias: np.ndarray, stride: int = 1) -> Any:
    """Return a convolution that pads as TensorFlow's `SAME`: of an odd padding, the smaller half comes first.

    Args:
        kernel: float32 (height, width, inputs, outputs), or the node that `quantised_kernel` returns.
        bias: float32 (outputs,).
    """
    _, ops = import_openvino()
    if isinstance(kernel, np.ndarray):
        kernel = ops.constant(outputs_first(kernel))
    strides = [stride, stride]
    result = ops.convolution(maps, kernel, strides, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
    return ops.add(result, ops.constant(bias.reshape(1, -1, 1, 1)))


def depthwise_convolution(maps: Any, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> Any:
    """Return a convolution of each channel alone; `kernel` is float32 (height, width, 1, channels)."""
    _, ops = import_openvino()
    groups = ops.constant(outputs_first(kernel)[:, :, np.newaxis])
    strides = [stride, stride]
    result = ops.group_convolution(maps, groups, strides, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
    return ops.add(result, ops.constant(bias.reshape(1, -1, 1, 1)))


def relu(maps: Any) -> Any:
    """Return max(maps, 0)."""
    return import_openvino()[1].relu(maps)


def relu6(maps: Any) -> Any:
    """Return the maps, limited to [0, 6]."""
    return import_openvino()[1].clamp(maps, 0.0, 6.0)


def add(maps: Any, others: Any) -> Any:
    """Return maps + others."""
    return import_openvino()[1].add(maps, others)


def max_pooling(maps: Any) -> Any:
    """Return the maxima of squares of 2 × 2; an odd last row or column is left out."""
    return import_openvino()[1].max_pool(maps, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)


def quantised_kernel(kernel: np.ndarray, levels: int = WEIGHT_LEVELS) -> Any:
    """Return a kernel in symmetric int8, with a step for each output channel.

    Args:
        kernel: float32 (height, width, inputs, outputs).
    """
    _, ops = import_openvino()
    steps = kernel_steps(kernel, levels)
    integers = ops.constant(outputs_first(np.round(kernel / steps).astype(np.int8)))
    return ops.multiply(ops.convert(integers, "f32"), ops.constant(steps.reshape(-1, 1, 1, 1)))


def rounded_kernel(kernel: np.ndarray, levels: int = WEIGHT_LEVELS) -> np.ndarray:
    """Return a kernel whose numbers are rounded to those of `quantised_kernel`."""
    steps = kernel_steps(kernel, levels)
    return np.round(kernel / steps) * steps


def kernel_steps(kernel: np.ndarray, levels: int) -> np.ndarray:
    """Return the size of a step between levels for each output channel of a kernel, more than 0: float32 (outputs,)."""
    limits = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), np.finfo(np.float32).tiny)
    return (limits / ((levels - 1) // 2)).astype(np.float32)


def quantised(maps: Any, low: float, high: float) -> Any:
    """Return maps in 8 bits: 256 levels from `low` to `high`, of which one must be 0."""
    _, ops = import_openvino()
    limits = ops.constant(np.float32(low)), ops.constant(np.float32(high))
    return ops.fake_quantize(maps, *limits, *limits, ACTIVATION_LEVELS)


def outputs_first(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel as OpenVINO expects it: (outputs, inputs, height, width)."""
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def to_model(pictures: Any, output: Any, name: str) -> "openvino.Model":
    """Return the model from `picture_input` to `output`."""
    openvino, _ = import_openvino()
    return openvino.Model([output if isinstance(output, openvino.Output) else output.output(0)], [pictures], name)
