"""Networks: architectures with their weights, as models for OpenVINO (see `openvino_import`)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import openvino

# What the names of networks from files begin with.
ONNX_PREFIX, KERAS_PREFIX = "onnx:", "keras:"
# The only layer of these networks.
OUTPUT_LAYER = "output"


@dataclass(frozen=True)
class ExtractorConfig:
    """The recipe of a network: all that determines a descriptor beside the weights. See `feature_space.Space`.

    Attributes:
        input_sizes: sides of squares, in pixels; with `aspect` "kept", of squares of the same area.
        layer: the name of the layer whose output is used.
        pooling: a key of `pooling.POOLINGS`, or "none" for a network that returns vectors.
        aspect: "kept" or "squashed".
        precision: "float32" or "int8".
        has_basis: whether the pooled vector is projected on the mean and basis that are bundled with the network.
    """

    input_sizes: tuple[int, ...]
    layer: str
    pooling: str
    aspect: str = "kept"
    precision: str = "float32"
    has_basis: bool = False


@dataclass(frozen=True)
class NetworkSources:
    """Where networks come from.

    Attributes:
        preference: the value of IMAGESEARCH_EXTRACTOR. If it is the path of an ONNX file, its network is found there.
        vgg16_weights: the configured file of VGG16's weights; None for the cache of Keras.
        models_dir: the folder of converted networks. ONNX files that are not the preference are looked for here.
        may_convert: whether a network of Keras may be converted now, which takes minutes and much memory.
    """

    preference: str
    vgg16_weights: Path | None
    models_dir: Path
    may_convert: bool = False


class Network(Protocol):
    """An architecture with its weights. Cheap to create: weights are read by `build_model`.

    Implementations are frozen dataclasses, so that equal networks are equal.
    """

    @property
    def name(self) -> str:
        """`Space.extractor`: "vgg16", "efficientnet-lite2", "onnx:<file stem>" or "keras:<Name>"."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all files that determine the weights and their use."""

    @property
    def path(self) -> Path:
        """The file of the weights, for messages."""

    @property
    def recipe(self) -> ExtractorConfig:
        """The settings of a new feature space."""

    def channels(self, layer: str) -> int:
        """Return the number of channels of a layer's output, C. Raises ValueError if there is no such layer."""

    def build_model(self, layer: str, precision: str) -> "openvino.Model":
        """Return the network up to `layer`.

        Args:
            layer: as in `recipe`.
            precision: "float32" or "int8"; ValueError if the network does not offer it.

        Returns:
            a model whose only input is named "pictures": uint8 N × H × W × 3, RGB, with dynamic N, H and W (H and W may
            be fixed if the network requires it). It contains the preprocessing. The only output is float32, feature
            maps N × C × H' × W', or vectors N × C for the pooling "none".

        Raises:
            WeightsUnavailable: the weights cannot be read.
            WeightsDamaged: they are damaged or belong to another network.
        """


@lru_cache(maxsize=8)
def output_channels(network: Network) -> int:
    """Return the number of channels of the layer OUTPUT_LAYER of a network, which is built to find out."""
    length: int = network.build_model(OUTPUT_LAYER, "float32").output(0).partial_shape[1].get_length()
    return length
