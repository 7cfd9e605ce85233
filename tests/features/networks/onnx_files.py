"""ONNX files of image encoders, written with the package `onnx`."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network, read_architecture, read_layers

OPSET = 17
PATCH = 8
CHANNELS = 32


class GraphWriter:
    """Collects the nodes and constants of a graph. Every method returns the name of a tensor."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(3)

    def constant(self, array: np.ndarray) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape: int) -> str:
        """Random numbers, scaled so that sums over all axes but the last keep their size."""
        return self.constant(self.rng.standard_normal(shape, np.float32) / np.float32(np.prod(shape[:-1])) ** 0.5)

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def save(self, path: Path, shape: list, outputs: dict[str, list], element_type: int = TensorProto.FLOAT) -> Path:
        """Write the graph from the input "images" of `shape` to the outputs, given with their shapes."""
        tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in outputs.items()]
        images = helper.make_tensor_value_info("images", element_type, shape)
        graph = helper.make_graph(self.nodes, "encoder", [images], tensors, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def write_efficientnet_lite2(path: Path) -> Path:
    """Write the bundled network: the input is normalised RGB, N × 3 × H × W of any size, the output "maps"."""
    network, writer = efficientnet_lite2_network(), GraphWriter()
    layers, arrays = read_architecture(network), read_layers(network)
    maps, outputs = "images", {}
    for layer in layers:
        kernel, bias = arrays[layer.name]
        maps = writer.node(
            "Conv",
            maps,
            writer.constant(kernel.transpose(3, 2, 0, 1).copy()),
            writer.constant(bias),
            auto_pad="SAME_UPPER",
            strides=[layer.stride] * 2,
            group=layer.outputs if layer.kind == "depthwise" else 1,
        )
        if layer.activation == "relu6":
            limits = writer.constant(np.float32(0)), writer.constant(np.float32(6))
            maps = writer.node("Clip", maps, *limits)
        if layer.add_output_of:
            maps = writer.node("Add", maps, outputs[layer.add_output_of])
        outputs[layer.name] = maps
    maps = writer.node("Identity", maps, output="maps")
    return writer.save(path, ["N", 3, "H", "W"], {maps: ["N", layers[-1].outputs, "h", "w"]})


def write_transformer(
    path: Path, *, side: int | None = 32, any_batch: bool = True, channels_last: bool = False
) -> Path:
    """Write a vision transformer with random weights: patches, a class token, one block with attention.

    Its outputs are "tokens", N × (1 + patches) × 32, and "vector", the class token.

    Args:
        side: of the only accepted input; None for any height and width that patches of 8 × 8 fill. With a side, the
            patches have positions.
        any_batch: whether it accepts several pictures. If not, the number 1 is part of the graph.
    """
    writer = GraphWriter()
    images = writer.node("Transpose", "images", perm=[0, 3, 1, 2]) if channels_last else "images"
    kernel = writer.constant(writer.rng.standard_normal((CHANNELS, 3, PATCH, PATCH), np.float32) / 14)
    patches = writer.node("Conv", images, kernel, strides=[PATCH] * 2)
    count = (side // PATCH) ** 2 if side else -1
    shape = writer.constant(np.array([0 if any_batch else 1, CHANNELS, count], np.int64))
    tokens = writer.node("Transpose", writer.node("Reshape", patches, shape), perm=[0, 2, 1])
    class_token = writer.weight(1, 1, CHANNELS)
    if any_batch:
        batch = writer.node("Slice", writer.node("Shape", images), *_slice_bounds(writer))
        ones = writer.constant(np.array([1, CHANNELS], np.int64))
        class_token = writer.node("Expand", class_token, writer.node("Concat", batch, ones, axis=0))
    tokens = writer.node("Concat", class_token, tokens, axis=1)
    if side:
        tokens = writer.node("Add", tokens, writer.weight(1, count + 1, CHANNELS))
    tokens = _attention_block(writer, tokens, output="tokens")
    vector = writer.node("Gather", tokens, writer.constant(np.int64(0)), axis=1, output="vector")
    n = "N" if any_batch else 1
    height, width = (side, side) if side else ("H", "W")
    return writer.save(
        path,
        [n, height, width, 3] if channels_last else [n, 3, height, width],
        {tokens: [n, count + 1 if side else "T", CHANNELS], vector: [n, CHANNELS]},
    )


def _attention_block(writer: GraphWriter, tokens: str, output: str) -> str:
    query, key, value = (writer.node("MatMul", tokens, writer.weight(CHANNELS, CHANNELS)) for _ in range(3))
    scores = writer.node("MatMul", query, writer.node("Transpose", key, perm=[0, 2, 1]))
    tokens = writer.node("Add", tokens, writer.node("MatMul", writer.node("Softmax", scores, axis=-1), value))
    hidden = writer.node("Tanh", writer.node("MatMul", tokens, writer.weight(CHANNELS, CHANNELS)))
    return writer.node("Add", tokens, hidden, output=output)


def _slice_bounds(writer: GraphWriter) -> tuple[str, str]:
    return writer.constant(np.array([0], np.int64)), writer.constant(np.array([1], np.int64))
