"""Extractors: from prepared pictures to descriptors."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights as files
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import prepare
from catalog.features.runtimes import Runtime, open_runtime
from catalog.features.spaces import Space
from catalog.features.weights import Weights

logger = logging.getLogger(__name__)

# Of one picture, for each of a space's input sizes: uint8, size × size × 3, RGB.
Prepared = tuple[np.ndarray, ...]

# At the network's own input size, as small as JPEG decoding could go, descriptors differ by 0.01 from those of the
# whole picture.
DECODED_SIDE = 512


@dataclass(frozen=True)
class Recipe:
    """How an extractor describes a picture, but for its weights."""

    input_sizes: tuple[int, ...]
    layer: str
    pooling: str


# The compact network was trained on small pictures, so that smaller inputs suit it: see docs/quality.md.
RECIPES: dict[str, Recipe] = {
    "vgg16": Recipe(input_sizes=(224,), layer="block5_conv3", pooling="rmac"),
    "vgg16-compact": Recipe(input_sizes=(80, 128, 192), layer="block5_conv3", pooling="rmac"),
}


def choose(preference: str, named: Path | None) -> Weights:
    """The weights that a preference stands for, of those on this disk.

    Args:
        preference: `vgg16`, `vgg16-compact`, or `auto`: the first of the two that is here.
        named: the file of VGG16 weights that somebody named, which must then be good.

    Raises:
        WeightsUnavailable, WeightsDamaged: VGG16 is asked for, or its file named, and it is not here or not
            whole; or there is no such preference.
    """
    if preference == "vgg16-compact":
        return files.compact()
    if preference not in ("auto", "vgg16"):
        raise WeightsUnavailable(
            "There is no extractor {name}: IMAGESEARCH_EXTRACTOR is auto, vgg16 or vgg16-compact.",
            name=repr(preference),
        )
    try:
        return files.vgg16(named)
    except WeightsUnavailable as fault:
        if preference == "vgg16" or named:
            raise
        if isinstance(fault, WeightsDamaged):
            logger.warning("%s", fault)
        return files.compact()


def space_of(weights: Weights) -> Space:
    """The feature space that these weights give with their recipe."""
    recipe = RECIPES[weights.architecture.name]
    channels = weights.architecture.channels[-1]
    return Space(
        weights.architecture.name,
        weights.digest,
        DECODED_SIDE,
        recipe.input_sizes,
        recipe.layer,
        recipe.pooling,
        channels,
    )


def weights_of(space: Space, named: Path | None) -> Weights:
    """The weights that a space was made with.

    Raises:
        WeightsUnavailable: they are not here, or others are in their place.
    """
    found = files.compact() if space.extractor == "vgg16-compact" else files.vgg16(named)
    if found.digest != space.weights_digest:
        raise WeightsUnavailable(
            "The catalogue was described by {extractor} with weights of the digest {expected}…, but {path} "
            "has the digest {found}…. Put the first back, or run `python manage.py rebuild_index --reextract`.",
            extractor=space.extractor,
            expected=space.weights_digest[:12],
            path=found.path,
            found=found.digest[:12],
        )
    return found


class Extractor:
    """Describes pictures in one space. Cheap to make: the network is loaded when it is first needed."""

    def __init__(self, space: Space, open_network: Callable[[], Runtime]) -> None:
        self.space = space
        self._open_network = open_network
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None

    @classmethod
    def of(cls, weights: Weights, space: Space, *, runtime: str, **options: Any) -> "Extractor":
        """The extractor of `space` with its `weights`; `runtime` and `options` are `open_runtime`'s."""
        return cls(
            space,
            partial(open_runtime, runtime, weights, layer=space.layer, **options),
        )

    def prepare(self, rgb: Image.Image) -> Prepared:
        """A picture as the network takes it. Safe on any thread."""
        return tuple(prepare(rgb, size) for size in self.space.input_sizes)

    def describe(self, pictures: Sequence[Prepared]) -> np.ndarray:
        """Descriptors of prepared pictures: for each size a vector of unit length, and the sum of these at unit length.

        Returns:
            float32, n × dimensions, each row of unit length. Maps without any activation, which no photograph
            gives, have no direction; they get the one that is equal in all dimensions.
        """
        pool = POOLINGS[self.space.pooling]
        summed = np.sum([normalised(pool(maps)) for maps in self.maps(pictures)], axis=0)
        summed[~summed.any(axis=1)] = 1.0
        return normalised(summed).astype(np.float32)

    def maps(self, pictures: Sequence[Prepared]) -> list[np.ndarray]:
        """What is pooled into the descriptors: for each size float32, n × side × side × dimensions, not negative."""
        network = self._network()
        count = len(pictures)
        return [
            network.maps(np.array([picture[place] for picture in pictures], np.uint8).reshape(count, size, size, 3))
            for place, size in enumerate(self.space.input_sizes)
        ]

    def _network(self) -> Runtime:
        with self._lock:
            if self._runtime is None:
                self._runtime = self._open_network()
            return self._runtime
