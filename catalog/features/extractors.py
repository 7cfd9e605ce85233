"""Extractors: a network with its input sizes and pooling, from pictures to descriptors."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np
from PIL import Image

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as weights_files
from catalog.features.feature_space import Space
from catalog.features.pooling import POOLINGS, l2_normalise
from catalog.features.preprocessing import resize_to_square
from catalog.features.runtimes import Runtime, RuntimeOptions, open_runtime
from catalog.features.weights import Weights

logger = logging.getLogger(__name__)

# One picture, resized to each input size of a space: RGB, uint8 (size, size, 3).
PreparedPicture = tuple[np.ndarray, ...]

# The shorter side, in pixels, to which large JPEGs may be reduced while decoding. At the input size of the network, the
# smallest possible, descriptors would differ by 0.01 from those of the full-size picture.
DECODED_SIDE = 512


@dataclass(frozen=True)
class ExtractorConfig:
    """The settings of an extractor: all that the weights do not determine.

    Attributes:
        input_sizes: sides, in pixels, of the squares to which a picture is resized. The unit vectors of all sizes are
            summed.
        layer: the layer whose feature maps are pooled.
        pooling: a key of `pooling.POOLINGS`.
    """

    input_sizes: tuple[int, ...]
    layer: str
    pooling: str


# By name of the network. The compact network was trained on small pictures, so it gets smaller inputs: see
# docs/quality.md.
EXTRACTOR_CONFIGS: dict[str, ExtractorConfig] = {
    "vgg16": ExtractorConfig(input_sizes=(224,), layer="block5_conv3", pooling="rmac"),
    "vgg16-compact": ExtractorConfig(input_sizes=(80, 128, 192), layer="block5_conv3", pooling="rmac"),
}


def choose_weights(preference: str, configured_path: Path | None) -> Weights:
    """Return the weights for a preference, from the files on this disk.

    Args:
        preference: `vgg16`, `vgg16-compact`, or `auto`: VGG16 if its weights are found, otherwise the compact network.
        configured_path: the configured file of VGG16 weights, which must be valid; None to use the cache of Keras.

    Raises:
        WeightsUnavailable: the preference is unknown; or VGG16 is preferred or its file configured, and the file is
            missing.
        WeightsDamaged: the same, and the file is damaged.
    """
    if preference == "vgg16-compact":
        return weights_files.compact_weights()
    if preference not in ("auto", "vgg16"):
        raise WeightsUnavailable(
            "IMAGESEARCH_EXTRACTOR is {value}. Set it to auto, vgg16 or vgg16-compact.", value=repr(preference)
        )
    try:
        return weights_files.vgg16_weights(configured_path)
    except WeightsUnavailable as error:
        if preference == "vgg16" or configured_path:
            raise
        if isinstance(error, WeightsDamaged):
            logger.warning("%s", error)
        return weights_files.compact_weights()


def space_for_weights(weights: Weights) -> Space:
    """Return the feature space of these weights with the `ExtractorConfig` of their network."""
    config = EXTRACTOR_CONFIGS[weights.architecture.name]
    channels = weights.architecture.channels[-1]
    return Space(
        weights.architecture.name,
        weights.digest,
        DECODED_SIDE,
        config.input_sizes,
        config.layer,
        config.pooling,
        channels,
    )


def weights_for_space(space: Space, configured_path: Path | None) -> Weights:
    """Return the weights of a feature space.

    Raises:
        WeightsUnavailable: they are missing, or have been replaced by others.
    """
    weights = (
        weights_files.compact_weights()
        if space.extractor == "vgg16-compact"
        else weights_files.vgg16_weights(configured_path)
    )
    if weights.digest != space.weights_digest:
        raise WeightsUnavailable(
            "The catalogue was indexed with {extractor} weights of SHA-256 {expected}…, but {path} has {found}…. "
            "Restore those weights, or run: python manage.py rebuild_index --reextract",
            extractor=space.extractor,
            expected=space.weights_digest[:12],
            path=weights.path,
            found=weights.digest[:12],
        )
    return weights


class Extractor:
    """Extracts descriptors in one feature space. The network is loaded at the first use. Thread-safe."""

    def __init__(self, space: Space, load_runtime: Callable[[], Runtime]) -> None:
        self.space = space
        self._load_runtime = load_runtime
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None

    @classmethod
    def from_weights(
        cls, weights: Weights, space: Space, *, runtime: str, **options: Unpack[RuntimeOptions]
    ) -> "Extractor":
        """Return the extractor of `space` with its `weights`; `runtime` and `options` are passed to `open_runtime`."""
        return cls(space, partial(open_runtime, runtime, weights, layer=space.layer, **options))

    def prepare(self, rgb: Image.Image) -> PreparedPicture:
        """Resize a picture to each input size."""
        return tuple(resize_to_square(rgb, size) for size in self.space.input_sizes)

    def extract(self, pictures: Sequence[PreparedPicture]) -> np.ndarray:
        """Return descriptors: the normalised sum of the unit vectors of all input sizes.

        Returns:
            float32 (n, dimensions), L2-normalised. Feature maps without any activation, which no photograph has, get
            the unit vector whose components are all equal.
        """
        pool = POOLINGS[self.space.pooling]
        descriptors = np.sum([l2_normalise(pool(maps)) for maps in self.feature_maps(pictures)], axis=0)
        descriptors[~descriptors.any(axis=1)] = 1.0
        return l2_normalise(descriptors).astype(np.float32)

    def feature_maps(self, pictures: Sequence[PreparedPicture]) -> list[np.ndarray]:
        """Return the feature maps of each input size: float32 (n, side, side, dimensions), not negative."""
        runtime = self._get_runtime()
        count = len(pictures)
        return [
            runtime.feature_maps(
                np.array([picture[index] for picture in pictures], np.uint8).reshape(count, size, size, 3)
            )
            for index, size in enumerate(self.space.input_sizes)
        ]

    def _get_runtime(self) -> Runtime:
        with self._lock:
            if self._runtime is None:
                self._runtime = self._load_runtime()
            return self._runtime
