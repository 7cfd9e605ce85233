"""Realistic descriptors for large catalogues: descriptors of real pictures, mixed and perturbed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from catalog.demo.drawing import KINDS, draw_picture
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.features.pooling import l2_normalise

# The bundled network has descriptors of this many dimensions without its basis.
MAX_DIMENSIONS = 1280
PICTURES_PER_KIND = 50
# Strength of the noise. Together with the mixing, it preserves the variance of the real descriptors.
NOISE_STRENGTH = 0.5


@dataclass(frozen=True)
class DescriptorSampler:
    """Samples descriptors (1 − a) x + a y + NOISE_STRENGTH · z, clipped to non-negative values and normalised.

    x and y are random real descriptors, a is uniform in [0, ½], and z is normal with the covariance of the real
    descriptors. Each real picture becomes a cluster, clusters overlap with their neighbours, and the spectrum of the
    covariance hardly changes.

    Attributes:
        real: the real descriptors, float32, n × d, of unit length.
        covariance_root: a square root of their covariance, float32, d × d.
    """

    real: np.ndarray
    covariance_root: np.ndarray

    @classmethod
    def fit(cls, real: np.ndarray) -> "DescriptorSampler":
        """Create a sampler for these real descriptors, float32, n × d."""
        values, axes = np.linalg.eigh(np.cov(real, rowvar=False))
        return cls(real, (axes * np.sqrt(values.clip(0))).astype(np.float32))

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return new descriptors: float32, count × d, of unit length."""
        first, second = rng.integers(0, len(self.real), (2, count))
        share = rng.random((count, 1), np.float32) / 2
        rows = rng.standard_normal((count, len(self.covariance_root)), np.float32) @ (
            NOISE_STRENGTH * self.covariance_root.T
        )
        rows += (1 - share) * self.real[first] + share * self.real[second]
        return l2_normalise(np.maximum(rows, 0))


def load_pictures(folder: Path | None) -> Iterator[Image.Image]:
    """Yield the pictures in the subfolders of `folder`; without a folder, the pictures that `catalog.demo` draws."""
    if folder is None:
        yield from (draw_picture(kind, number) for kind in KINDS for number in range(PICTURES_PER_KIND))
        return
    for path in sorted(path for path in folder.glob("*/*") if path.is_file()):
        with Image.open(path) as picture:
            yield ImageOps.exif_transpose(picture).convert("RGB")


def extract_descriptors(folder: Path | None, dimensions: int) -> np.ndarray:
    """Return the first components of the bundled network's descriptors without its basis: float32, n × dimensions."""
    network = efficientnet_lite2_network()
    space = replace(space_for_network(network), dimensions=MAX_DIMENSIONS, basis="")
    extractor = Extractor.from_network(network, space, runtime="openvino", threads=2, parallel_pictures=True)
    descriptors = extractor.extract([extractor.prepare(picture) for picture in load_pictures(folder)])
    return l2_normalise(descriptors[:, :dimensions])
