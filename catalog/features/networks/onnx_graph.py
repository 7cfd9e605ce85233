"""From the graph of an ONNX image encoder to a model as `networks.Network` describes it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.exceptions import WeightsUnavailable
from catalog.features.networks import graph
from catalog.features.networks.network_description import NetworkDescription
from catalog.features.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

PIXEL_MAX = 255
MAX_REASON_CHARACTERS = 300
MIN_TRIAL_COSINE = 0.999


def build_model(encoder: "openvino.Model", description: NetworkDescription, path: Path) -> "openvino.Model":
    """Return the model from pictures to feature maps or vectors, which contains `encoder`.

    Args:
        path: the ONNX file, for messages.

    Raises:
        WeightsUnavailable: graph and description disagree. The message names the key.
    """
    _, ops = import_openvino()
    encoder = _select_output(encoder, description, path)
    channels_last = _has_channels_last(encoder, path)
    _check_input_size(encoder, description, channels_last, path)
    output_shape = _output_shape(encoder, description, channels_last, path)
    _check_pooling(output_shape, description, path)
    side = description.side if description.aspect == "squashed" else -1
    pictures = ops.parameter([-1, side, side, 3], np.uint8, name=graph.INPUT_NAME)
    element_type = encoder.input(0).element_type
    maps = ops.convert(_preprocess(pictures, description, channels_last), element_type.get_type_name())
    output = ops.convert(_connect(encoder, maps, description, channels_last), "f32")
    if len(output_shape) == 4 and channels_last:
        output = ops.transpose(output, ops.constant(np.array([0, 3, 1, 2], np.int64)))
    elif description.tokens == "first":
        output = ops.gather(output, ops.constant(np.int64(0)), ops.constant(np.int64(1)))
    elif description.tokens == "mean":
        output = ops.reduce_mean(output, ops.constant(np.array([1], np.int64)))
    return graph.to_model(pictures, output, path.stem)


def try_model(model: "openvino.Model", description: NetworkDescription, path: Path) -> None:
    """Run a model, since some mistakes in a graph show only then. It takes four passes at most.

    Raises:
        WeightsUnavailable: it fails, or computes another output for two pictures than for one.
    """
    openvino, _ = import_openvino()
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for height, width in _trial_sizes(description):
        pictures = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
        try:
            two, one = (np.asarray(compiled(batch)[0], np.float64) for batch in (pictures, pictures[1:]))
        except RuntimeError as error:
            raise _unsuitable_size(description, error) from error
        first, second = two[-1].ravel(), one[-1].ravel()
        if len(two) != 2 or first @ second < MIN_TRIAL_COSINE * np.linalg.norm(first) * np.linalg.norm(second):
            raise WeightsUnavailable(
                "{path} computes another output for two pictures than for one. Export it with a dynamic first "
                "dimension, or for one picture.",
                path=path,
            )
        if not np.isfinite(two).all():
            raise WeightsUnavailable("{path}: its output has values that are not numbers.", path=path)


def reason(error: Exception) -> str:
    """Return the last line of an error of OpenVINO, which says what is wrong; the others say where in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:MAX_REASON_CHARACTERS] if lines else type(error).__name__


def _select_output(encoder: "openvino.Model", description: NetworkDescription, path: Path) -> "openvino.Model":
    """Return the part of `encoder` that computes one output from its only input."""
    openvino, _ = import_openvino()
    if len(encoder.inputs) != 1:
        raise WeightsUnavailable(
            "{path} has {count} inputs, but an image encoder has one. Export only the image encoder.",
            path=path,
            count=len(encoder.inputs),
        )
    names = [_output_name(output) for output in encoder.outputs]
    if description.output is None and len(names) > 1:
        raise WeightsUnavailable(
            "{path}: the key {key} is missing. The ONNX file has the outputs {names}.",
            path=description.path,
            key="output",
            names=", ".join(names),
        )
    if description.output is not None and description.output not in names:
        raise WeightsUnavailable(
            "{path}: the key {key} is {value}, but the ONNX file has the outputs {names}.",
            path=description.path,
            key="output",
            value=repr(description.output)[:100],
            names=", ".join(names),
        )
    output = encoder.outputs[names.index(description.output) if description.output is not None else 0]
    return openvino.Model([output.get_node().input_value(0)], encoder.get_parameters(), path.stem)


def _output_name(output: Any) -> str:
    names = sorted(output.get_names())
    friendly_name: str = output.get_node().get_friendly_name().removesuffix("/sink_port_0")
    return friendly_name if friendly_name in names or not names else names[0]


def _has_channels_last(encoder: "openvino.Model", path: Path) -> bool:
    """Return whether the input is N × H × W × 3, not N × 3 × H × W."""
    shape = _lengths(encoder.input(0).partial_shape)
    if len(shape) == 4 and shape[1] in (3, None) and not (shape[1] is None and shape[3] == 3):
        return False
    if len(shape) == 4 and shape[3] == 3:
        return True
    raise WeightsUnavailable(
        "{path}: its input has the shape {shape}. It must be N × 3 × H × W or N × H × W × 3.",
        path=path,
        shape=_shape_text(shape),
    )


def _check_input_size(
    encoder: "openvino.Model", description: NetworkDescription, channels_last: bool, path: Path
) -> None:
    """Raise WeightsUnavailable if the input has a fixed size that disagrees with the description."""
    shape = _lengths(encoder.input(0).partial_shape)
    height, width = shape[1:3] if channels_last else shape[2:4]
    if description.aspect == "kept" and (height or width):
        raise WeightsUnavailable(
            "{path}: the key {key} needs an input of any size, but that of {onnx} has the shape {shape}. Use the key "
            "size, or export the file with dynamic height and width.",
            path=description.path,
            key="area_side",
            onnx=path,
            shape=_shape_text(shape),
        )
    if {height, width} - {None, description.side}:
        raise WeightsUnavailable(
            "{path}: the key {key} is {side}, but the input of {onnx} has the shape {shape}.",
            path=description.path,
            key="size",
            side=description.side,
            onnx=path,
            shape=_shape_text(shape),
        )


def _output_shape(
    encoder: "openvino.Model", description: NetworkDescription, channels_last: bool, path: Path
) -> list[int | None]:
    """Return the shape of the output for one picture. For `aspect` "kept", it is tried with two shapes of pictures."""
    try:
        shapes = [_shape_for(encoder, 1, size, channels_last) for size in _trial_sizes(description)]
    except RuntimeError as error:
        raise _unsuitable_size(description, error) from error
    shape = shapes[0]
    channels = shape[-1 if len(shape) != 4 or channels_last else 1] if shape else None
    if channels is None or shape[0] != 1:
        raise WeightsUnavailable(
            "{path}: its output has the shape {shape}. It must be N × C, N × T × C or N × C × H × W, with a fixed C.",
            path=path,
            shape=_shape_text(shape),
        )
    return shape


def _trial_sizes(description: NetworkDescription) -> list[tuple[int, int]]:
    """Return the height and width of pictures that the network must accept: a square, and for "kept" another shape."""
    side, step = description.side, 2 * description.multiple
    return [(side, side)] if description.aspect == "squashed" else [(side, side), (side + step, max(step, side - step))]


def _unsuitable_size(description: NetworkDescription, error: Exception) -> WeightsUnavailable:
    return WeightsUnavailable(
        "{path}: the network does not accept pictures of the described size: {error} Check the keys {keys}.",
        path=description.path,
        error=reason(error),
        keys="size, area_side, multiple",
    )


def _check_pooling(output_shape: list[int | None], description: NetworkDescription, path: Path) -> None:
    """Raise WeightsUnavailable if the keys `pooling` and `tokens` do not suit the output."""
    rank = len(output_shape)
    wrong_key, allowed = "", ""
    if rank == 4 and description.pooling == "none":
        wrong_key, allowed = "pooling", '"gem", "mean", "rmac"'
    elif rank in (2, 3) and description.pooling != "none":
        wrong_key, allowed = "pooling", '"none"'
    elif rank == 3 and description.tokens is None:
        wrong_key, allowed = "tokens", '"first", "mean"'
    if wrong_key:
        raise WeightsUnavailable(
            "{path}: the output of {onnx} has the shape {shape}. For it the key {key} must be one of {allowed}.",
            path=description.path,
            onnx=path,
            shape=_shape_text(output_shape),
            key=wrong_key,
            allowed=allowed,
        )
    if rank not in (2, 3, 4) or (description.tokens and rank != 3):
        raise WeightsUnavailable(
            "{path}: the output of {onnx} has the shape {shape}. With the key tokens it must be N × T × C, otherwise "
            "N × C or N × C × H × W.",
            path=description.path,
            onnx=path,
            shape=_shape_text(output_shape),
        )


def _preprocess(pictures: Any, description: NetworkDescription, channels_last: bool) -> Any:
    """Return the normalised pictures in the layout of the network's input."""
    _, ops = import_openvino()
    mean = [PIXEL_MAX * value for value in description.mean]
    maps = graph.normalised_input(pictures, mean, bgr=description.channel_order == "bgr")
    scale = np.array([1 / (PIXEL_MAX * value) for value in description.standard_deviation], np.float32)
    maps = ops.multiply(maps, ops.constant(scale.reshape(1, 3, 1, 1)))
    if description.aspect == "kept" and description.multiple > 1:
        maps = _resize_to_multiple(maps, description.multiple)
    return ops.transpose(maps, ops.constant(np.array([0, 2, 3, 1], np.int64))) if channels_last else maps


def _resize_to_multiple(maps: Any, multiple: int) -> Any:
    """Resize to the nearest height and width, at least one, that are multiples of `multiple`."""
    _, ops = import_openvino()
    axes = ops.constant(np.array([2, 3], np.int64))
    sizes = ops.convert(ops.gather(ops.shape_of(maps), axes, ops.constant(np.int64(0))), "f32")
    step = ops.constant(np.float32(multiple))
    steps = ops.floor(ops.add(ops.divide(sizes, step), ops.constant(np.float32(0.5))))
    rounded = ops.convert(ops.multiply(ops.maximum(steps, ops.constant(np.float32(1))), step), "i64")
    return ops.interpolate(maps, rounded, "linear_onnx", "sizes", axes=axes)


def _connect(encoder: "openvino.Model", maps: Any, description: NetworkDescription, channels_last: bool) -> Any:
    """Return the output of `encoder` for preprocessed pictures, in a loop if it takes only one at a time."""
    _, ops = import_openvino()
    size = (description.side, description.side) if description.aspect == "squashed" else (-1, -1)
    if _accepts_batches(encoder, (description.side, description.side), channels_last):
        encoder.reshape(_input_shape(-1, size, channels_last))
        for target in encoder.input(0).get_target_inputs():
            target.replace_source_output(maps.output(0))
        return encoder.output(0).get_node().input_value(0)
    encoder.reshape(_input_shape(1, size, channels_last))
    loop = ops.tensor_iterator()
    loop.set_body(encoder)
    loop.set_sliced_input(encoder.get_parameters()[0], maps.output(0), 0, 1, 1, -1, 0)
    return loop.get_concatenated_slices(encoder.get_results()[0].output(0), 0, 1, 1, -1, 0)


def _accepts_batches(encoder: "openvino.Model", size: tuple[int, int], channels_last: bool) -> bool:
    """Return whether the graph computes two pictures as well as one. Files exported for one picture may not."""
    try:
        return _shape_for(encoder, 2, size, channels_last)[0] == 2
    except RuntimeError:
        return False


def _shape_for(encoder: "openvino.Model", count: int, size: tuple[int, int], channels_last: bool) -> list[int | None]:
    """Return the shape of the output for `count` pictures of `size`. Raises RuntimeError if they do not fit."""
    copy = encoder.clone()
    copy.reshape(_input_shape(count, size, channels_last))
    return _lengths(copy.output(0).partial_shape)


def _input_shape(count: int, size: tuple[int, int], channels_last: bool) -> list[int]:
    return [count, *size, 3] if channels_last else [count, 3, *size]


def _lengths(shape: Any) -> list[int | None]:
    """Return the dimensions of a partial shape, None for those that vary; none at all if their number varies."""
    if shape.rank.is_dynamic:
        return []
    return [dimension.get_length() if dimension.is_static else None for dimension in shape]


def _shape_text(shape: list[int | None]) -> str:
    return " × ".join("?" if length is None else str(length) for length in shape) or "?"
