"""VGG16: the architecture, and the network in float32 and int8.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
configuration D: thirteen 3 × 3 convolutions with ReLU, and a 2 × 2 max pooling after each of five blocks.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from catalog.exceptions import WeightsDamaged
from catalog.features import weights
from catalog.features.networks import ExtractorConfig, graph
from catalog.features.recipes import EXTRACTOR_CONFIGS

if TYPE_CHECKING:
    import openvino

NAME = "vgg16"
# The ImageNet means of blue, green and red, which keras/src/applications/imagenet_utils.py subtracts.
MEANS_BGR = np.array([103.939, 116.779, 123.68], np.float32)
# The largest activation of each convolution, found on photographs by `benchmarks.int8_ranges`.
RANGES_FILE = Path(__file__).with_name("vgg16_activation_ranges.json")

# The range of the input in int8. Its 255 steps are of the same size, and one of its levels is 0, as `graph.quantised`
# requires it for the padding.
INPUT_STEP = (255.0 - MEANS_BGR.min() + MEANS_BGR.max()) / 254
INPUT_RANGE = (-115 * INPUT_STEP, 140 * INPUT_STEP)
# Without VNNI, processors add pairs of products in 16 bits. They could overflow in the first convolution, whose inputs
# use the whole range; so its weights have half the levels.
FIRST_WEIGHT_LEVELS = 127

# Kernel, float32 (height, width, inputs, outputs), and bias, float32 (outputs,).
LayerWeights = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Convolution:
    """A 3 × 3 convolution with zero padding and ReLU, from `in_channels` to `out_channels` channels."""

    name: str
    in_channels: int
    out_channels: int


@dataclass(frozen=True)
class MaxPooling:
    """A 2 × 2 max pooling with stride 2."""

    name: str


def layers() -> Iterator[Convolution | MaxPooling]:
    """Yield all eighteen layers, starting at the input, with the names that Keras gives them."""
    in_channels = 3
    for block, (count, out_channels) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], 1):
        for index in range(1, count + 1):
            yield Convolution(f"block{block}_conv{index}", in_channels, out_channels)
            in_channels = out_channels
        yield MaxPooling(f"block{block}_pool")


def convolutions() -> list[Convolution]:
    """Return the thirteen layers that have weights."""
    return [layer for layer in layers() if isinstance(layer, Convolution)]


@dataclass(frozen=True)
class Vgg16:
    """VGG16 with the weights of an HDF5 file. See `networks.Network`.

    Attributes:
        is_published: whether the file is the one that Keras publishes.
    """

    path: Path
    digest: str
    is_published: bool = True
    name: str = NAME

    @property
    def recipe(self) -> ExtractorConfig:
        return EXTRACTOR_CONFIGS[NAME]

    def channels(self, layer: str) -> int:
        channels = 3
        for current in layers():
            channels = current.out_channels if isinstance(current, Convolution) else channels
            if current.name == layer:
                return channels
        raise ValueError(f"{self.name} has no layer {layer!r}.")

    def build_model(self, layer: str, precision: str) -> "openvino.Model":
        self.channels(layer)  # raises for an unknown layer
        if precision not in ("float32", "int8"):
            raise ValueError(f"{self.name} has no precision {precision!r}.")
        pictures = graph.picture_input()
        return graph.to_model(pictures, self._build_layers(pictures, layer, precision == "int8"), self.name)

    def _build_layers(self, pictures: Any, last_layer: str, int8: bool) -> Any:
        """Return the output of `last_layer`. In int8, the inputs of all convolutions are quantised."""
        arrays = iterate_layers(self)
        ranges = activation_ranges() if int8 else {}
        maps = graph.normalised_input(pictures, MEANS_BGR.tolist(), bgr=True)
        if int8:
            maps = graph.quantised(maps, *INPUT_RANGE)
        for layer in layers():
            if isinstance(layer, Convolution):
                kernel, bias = next(arrays)
                quantised_kernel = graph.quantised_kernel(kernel, weight_levels(layer)) if int8 else kernel
                maps = graph.relu(graph.convolution(maps, quantised_kernel, bias))
                if int8 and layer.name != last_layer:
                    maps = graph.quantised(maps, 0, ranges[layer.name])
            else:
                maps = graph.max_pooling(maps)
            if layer.name == last_layer:
                break
        return maps


def weight_levels(layer: Convolution) -> int:
    """Return the number of levels of the weights of a convolution in int8."""
    return FIRST_WEIGHT_LEVELS if layer.in_channels == 3 else graph.WEIGHT_LEVELS


def vgg16_network(configured_path: Path | None) -> Vgg16:
    """Return VGG16 with its ImageNet weights.

    Args:
        configured_path: the configured file, any HDF5 file with the thirteen layers; None to use the file of Keras in
            its cache.

    Raises:
        WeightsUnavailable: the file is missing or cannot be read.
        WeightsDamaged: it lacks a layer, or is not the file of Keras in its cache.
    """
    path = weights.find_vgg16_file(configured_path)
    is_published = weights.has_published_digest(path, configured_path)
    if configured_path and not is_published:
        _cached_layer_check(path, path.stat().st_mtime_ns)
    return Vgg16(path, weights.file_digest(path, weights.missing_weights_hint(configured_path)), is_published)


@lru_cache(maxsize=8)
def _cached_layer_check(path: Path, _mtime_ns: int) -> None:
    """Raise WeightsDamaged if a file lacks a layer. Checked once for each state of the file."""
    with _open_layers(path):
        pass


def read_layers(network: Vgg16) -> dict[str, LayerWeights]:
    """Return the weights of each convolution by its name. Raises as `iterate_layers`."""
    return {layer.name: arrays for layer, arrays in zip(convolutions(), iterate_layers(network), strict=True)}


def iterate_layers(network: Vgg16) -> Iterator[LayerWeights]:
    """Yield the weights of each convolution, in order, so that not all of them are in memory at once.

    Raises:
        WeightsUnavailable: the file cannot be read.
        WeightsDamaged: it has changed since `network` was created, is not an HDF5 file, or lacks a layer.
    """
    weights.require_digest(network.path, network.digest)
    with _open_layers(network.path) as datasets:
        for kernel, bias in datasets:
            yield kernel[()].astype(np.float32), bias[()].astype(np.float32)


@contextmanager
def _open_layers(path: Path) -> Iterator[list[tuple[h5py.Dataset, h5py.Dataset]]]:
    """Yield the datasets of kernel and bias of each convolution. Raises WeightsDamaged."""
    try:
        with h5py.File(path, "r") as file:
            yield [_layer_datasets(file, layer) for layer in convolutions()]
    except (OSError, ValueError) as error:
        raise WeightsDamaged(
            "{path} does not contain the weights of {name}: {error}.", path=path, name=NAME, error=error
        ) from error


def _layer_datasets(file: h5py.File, layer: Convolution) -> tuple[h5py.Dataset, h5py.Dataset]:
    """Return kernel and bias, which Keras versions name differently (`kernel:0`, `…_W_1:0`)."""
    group = file.get(layer.name)
    if not isinstance(group, h5py.Group):
        raise ValueError(f"it has no layer {layer.name}")
    datasets: list[h5py.Dataset] = []
    group.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
    datasets.sort(key=lambda dataset: dataset.ndim, reverse=True)
    shapes = [dataset.shape for dataset in datasets]
    expected = [(3, 3, layer.in_channels, layer.out_channels), (layer.out_channels,)]
    if shapes != expected:
        raise ValueError(f"the arrays of its layer {layer.name} have the shapes {shapes} instead of {expected}")
    kernel, bias = datasets
    return kernel, bias


@lru_cache(maxsize=1)
def activation_ranges() -> dict[str, float]:
    """Return the largest value, for int8, of the activations of each convolution."""
    ranges: dict[str, float] = json.loads(RANGES_FILE.read_text())["ranges"]
    return ranges
