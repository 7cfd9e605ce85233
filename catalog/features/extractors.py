"""Extractors: a network with its recipe, from pictures to descriptors."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import NotRequired, TypedDict, Unpack

import numpy as np
from PIL import Image

from catalog.exceptions import WeightsUnavailable
from catalog.features.basis import Basis, basis_of_space, bundled_basis
from catalog.features.by_shape import group_by_shape
from catalog.features.feature_space import Space
from catalog.features.networks import Network, NetworkSources
from catalog.features.networks.opening import open_network
from catalog.features.pooling import Pooling, find_pooling, l2_normalise
from catalog.features.preprocessing import resize_to_input
from catalog.features.runtimes import Runtime, open_runtime

# One picture, resized for each input size of a space: RGB, uint8 (height, width, 3).
PreparedPicture = tuple[np.ndarray, ...]

# The shorter side, in pixels, to which large JPEGs may be reduced while decoding: at least DECODED_SIDE, and
# DECODED_SCALE times the input size. At the input size, the smallest possible, descriptors would differ by 0.01 from
# those of the full-size picture.
DECODED_SIDE, DECODED_SCALE = 512, 2
# Pictures that are pooled together: their feature maps fit into the cache of a processor. More take longer.
POOLED_TOGETHER = 8
# The network of earlier versions.
REMOVED_NETWORK = "vgg16-compact"


class RuntimeOptions(TypedDict):
    """Keyword arguments of `runtimes.open_runtime` that are the same for all networks."""

    threads: int
    parallel_pictures: NotRequired[bool]


def space_for_network(network: Network) -> Space:
    """Return the feature space of a network with its recipe. Raises WeightsDamaged if the bundled basis is damaged."""
    recipe = network.recipe
    basis = bundled_basis(network.name) if recipe.has_basis else None
    return Space(
        extractor=network.name,
        weights_digest=network.digest,
        decoded_side=max(DECODED_SIDE, DECODED_SCALE * max(recipe.input_sizes)),
        input_sizes=recipe.input_sizes,
        aspect=recipe.aspect,
        layer=recipe.layer,
        pooling=recipe.pooling,
        dimensions=len(basis.directions) if basis else network.channels(recipe.layer),
        precision=recipe.precision,
        basis=basis.digest if basis else "",
    )


def network_for_space(space: Space, sources: NetworkSources) -> Network:
    """Return the network of a feature space.

    Raises:
        WeightsUnavailable: its files are missing, or have been replaced by others, or it is no longer supported.
    """
    if space.extractor == REMOVED_NETWORK:
        raise WeightsUnavailable(
            "The catalogue was indexed with {extractor}, a network that is no longer part of the program. "
            "Run: python manage.py rebuild_index --reextract",
            extractor=space.extractor,
        )
    network = open_network(space.extractor, sources)
    if network.digest != space.weights_digest:
        raise WeightsUnavailable(
            "The catalogue was indexed with {extractor} weights of SHA-256 {expected}…, but {path} has {found}…. "
            "Restore those weights, or run: python manage.py rebuild_index --reextract",
            extractor=space.extractor,
            expected=space.weights_digest[:12],
            path=network.path,
            found=network.digest[:12],
        )
    return network


class Extractor:
    """Extracts descriptors in one feature space. The network is loaded at the first use. Thread-safe."""

    def __init__(self, space: Space, load_runtime: Callable[[], Runtime]) -> None:
        """Create the extractor. Raises WeightsUnavailable if the basis of the space is missing."""
        self.space = space
        self.basis: Basis | None = basis_of_space(space.extractor, space.basis)
        self._pool = find_pooling(space.pooling)
        self._load_runtime = load_runtime
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None

    @classmethod
    def from_network(
        cls, network: Network, space: Space, *, runtime: str, **options: Unpack[RuntimeOptions]
    ) -> "Extractor":
        """Return the extractor of `space` with its `network`; `runtime` and `options` are passed to `open_runtime`."""
        return cls(
            space, partial(open_runtime, runtime, network, layer=space.layer, precision=space.precision, **options)
        )

    @property
    def resizers(self) -> list[Callable[[Image.Image], np.ndarray]]:
        """The functions that resize a picture for each input size. They can be pickled."""
        return [partial(resize_to_input, side=size, aspect=self.space.aspect) for size in self.space.input_sizes]

    def prepare(self, rgb: Image.Image) -> PreparedPicture:
        """Resize a picture for each input size."""
        return tuple(resize(rgb) for resize in self.resizers)

    def extract(self, pictures: Sequence[PreparedPicture]) -> np.ndarray:
        """Return descriptors: the normalised sum of the unit vectors of all input sizes, projected on the basis.

        Returns:
            float32 (n, dimensions), L2-normalised. Pictures for which all components are zero, which no photograph is,
            get the unit vector whose components are all equal.
        """
        if not pictures:
            return np.empty((0, self.space.dimensions), np.float32)
        return self.describe(self.feature_maps(pictures))

    def describe(self, maps: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Return the descriptors of pictures, as `extract` does, from feature maps as `feature_maps` returns them."""
        descriptors = unit_vectors(np.sum([pool_each(size_maps, self._pool) for size_maps in maps], axis=0))
        return unit_vectors(self.basis.project(descriptors)) if self.basis else descriptors

    def feature_maps(self, pictures: Sequence[PreparedPicture]) -> list[list[np.ndarray]]:
        """Return for each input size the feature maps of each picture: float32 (rows, columns, channels)."""
        runtime = self._get_runtime()
        return [runtime.feature_maps(inputs) for inputs in zip(*pictures, strict=True)]

    def _get_runtime(self) -> Runtime:
        with self._lock:
            if self._runtime is None:
                self._runtime = self._load_runtime()
            return self._runtime


def pool_each(maps: Sequence[np.ndarray], pool: Pooling) -> np.ndarray:
    """Return the unit vector of each picture's feature maps: float32 (n, C), L2-normalised, or zeros."""
    vectors = np.empty((len(maps), maps[0].shape[-1]), np.float32)
    for indices, batch in group_by_shape(maps, POOLED_TOGETHER):
        vectors[indices] = l2_normalise(pool(batch))
    return vectors


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Return L2-normalised rows, float32. Rows of zeros become the unit vector whose components are all equal."""
    return l2_normalise(np.where(vectors.any(axis=1, keepdims=True), vectors, np.float32(1))).astype(np.float32)
