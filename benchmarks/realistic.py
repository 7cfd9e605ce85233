"""Descriptors such as a large catalogue would have: those of real pictures, mixed and perturbed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageOps

from catalog.demo.drawing import KINDS, draw
from catalog.features.architectures import VGG16_COMPACT
from catalog.features.extractors import Extractor, choose, space_of
from catalog.features.pooling import POOLINGS, normalised

# The compact network's descriptors at these input sizes, side by side, are one of up to 1,024 dimensions.
SIZES = (80, 128, 192, 224, 96, 160, 112, 256)
MOST_DIMENSIONS = len(SIZES) * VGG16_COMPACT.channels[-1]
DRAWN_A_KIND = 50
# The strength of the noise. With mixing, it keeps the spread of the real ones: see `Source`.
NOISE = 0.5


@dataclass(frozen=True)
class Source:
    """Draws descriptors: (1 − a) x + a y + NOISE z, clipped at nought, at unit length.

    x and y are real ones chosen at random, a is uniform in [0, ½], z is normal with the real ones' covariance: every
    real picture becomes a cluster, clusters run into their neighbours, and the spectrum stays nearly what it was.

    Attributes:
        real: float32, n × d, of unit length.
        spread: float32, d × d: a root of their covariance.
    """

    real: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, real: np.ndarray) -> "Source":
        values, axes = np.linalg.eigh(np.cov(real, rowvar=False))
        return cls(real, (axes * np.sqrt(values.clip(0))).astype(np.float32))

    def draw(self, count: int, chance: np.random.Generator) -> np.ndarray:
        """float32, count × d, of unit length."""
        first, second = chance.integers(0, len(self.real), (2, count))
        share = chance.random((count, 1), np.float32) / 2
        rows = chance.standard_normal((count, len(self.spread)), np.float32) @ (NOISE * self.spread.T)
        rows += (1 - share) * self.real[first] + share * self.real[second]
        return normalised(np.maximum(rows, 0))


def pictures(folder: Path | None) -> Iterator[Image.Image]:
    """What lies in the folders of `folder`; without it, what `catalog.demo` draws."""
    if folder is None:
        yield from (draw(kind, number) for kind in KINDS for number in range(DRAWN_A_KIND))
        return
    for path in sorted(path for path in folder.glob("*/*") if path.is_file()):
        with Image.open(path) as picture:
            yield ImageOps.exif_transpose(picture).convert("RGB")


def described(folder: Path | None, dimensions: int) -> np.ndarray:
    """Real descriptors: the compact network's at as many sizes as it takes, side by side: float32, n × dimensions."""
    weights = choose("vgg16-compact", None)
    space = space_of(weights)
    count = -(-dimensions // space.dimensions)
    wanted = replace(space, input_sizes=SIZES[:count])
    with TemporaryDirectory() as cache:
        network = Extractor.of(weights, wanted, runtime="ncnn", cache=Path(cache), threads=2, side_by_side=True)
        maps = network.maps([network.prepare(picture) for picture in pictures(folder)])
    pool = POOLINGS[space.pooling]
    return normalised(np.concatenate([normalised(pool(one)) for one in maps], axis=1)[:, :dimensions])
