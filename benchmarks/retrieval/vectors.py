"""Pooled vectors of photographs and of altered copies, extracted once for everything that is compared."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from catalog.features.extractors import pool_each, unit_vectors
from catalog.features.networks import Network
from catalog.features.pooling import find_pooling
from catalog.features.preprocessing import resize_to_input
from catalog.features.runtimes import open_runtime
from catalog.imaging.alterations import MILD_ALTERATIONS

# By name of an alteration, and "catalogue" for the photographs themselves: float32, n × d, of unit length.
Vectors = dict[str, np.ndarray]

POOLINGS = ("max", "mean", "gem", "rmac")
CATALOGUE = "catalogue"
BATCH_PICTURES = 32


@dataclass(frozen=True)
class Photographs:
    """Labelled photographs.

    Attributes:
        labels: the kind of each, numbered from 0: int64, n.
        copied_every: altered copies are made of one in so many photographs.
    """

    paths: list[Path]
    labels: np.ndarray
    copied_every: int

    @property
    def copied(self) -> np.ndarray:
        """The positions of those of which altered copies are made: int64."""
        return np.arange(0, len(self.paths), self.copied_every)


@dataclass(frozen=True)
class Input:
    """How photographs go through a network.

    Attributes:
        size: see `input_shape`.
        aspect: "kept", "squashed", or "nearest": squashed without interpolation, like `keras.utils.load_img`.
        layer: its output is pooled in each of POOLINGS.
        has_copies: whether altered copies go through it, too.
    """

    network: Network
    size: int
    aspect: str
    layer: str
    precision: str
    has_copies: bool

    def file_name(self, copied_every: int) -> str:
        """Return a name for the vectors of this input."""
        parts = [self.network.name, self.network.digest[:12], self.size, self.aspect, self.layer, self.precision]
        parts += ["copies", copied_every] if self.has_copies else []
        return "-".join(map(str, parts)).replace(":", "-") + ".npz"

    def resize(self, picture: Image.Image) -> np.ndarray:
        """Return the input of the network: uint8 (height, width, 3)."""
        if self.aspect == "nearest":
            return np.asarray(picture.resize((self.size, self.size), Image.Resampling.NEAREST))
        return resize_to_input(picture, self.size, self.aspect)


def find_photographs(folder: Path, copied_every: int) -> Photographs:
    """Return all files in the subfolders of `folder`. The name of the subfolder is the kind."""
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    return Photographs(paths, labels, copied_every)


def load_vectors(photographs: Photographs, network_input: Input, cache: Path | None) -> dict[str, Vectors]:
    """Return the vectors by pooling. They are kept in the folder `cache`, if any, and read from there the next time."""
    path = cache / network_input.file_name(photographs.copied_every) if cache else None
    if path is not None and path.is_file():
        with np.load(path) as file:
            stored = dict(file)
    else:
        stored = extract(photographs, network_input)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, **stored)  # type: ignore[arg-type]  # the stub takes the names for those of parameters
    by_pooling: dict[str, Vectors] = {pooling: {} for pooling in POOLINGS}
    for key, rows in stored.items():
        pooling, name = key.split()
        by_pooling[pooling][name] = rows
    return by_pooling


def extract(photographs: Photographs, network_input: Input) -> dict[str, np.ndarray]:
    """Return the vectors by pooling and alteration, the names separated by a space."""
    runtime = open_runtime(
        "openvino",
        network_input.network,
        layer=network_input.layer,
        precision=network_input.precision,
        threads=os.cpu_count() or 1,
        parallel_pictures=True,
    )
    pictures = read_pictures(photographs, with_copies=network_input.has_copies)
    pooled: dict[str, list[np.ndarray]] = {}
    while batch := list(islice(pictures, BATCH_PICTURES)):
        maps = runtime.feature_maps([network_input.resize(picture) for _, picture in batch])
        for pooling in POOLINGS:
            for (name, _), vector in zip(batch, unit_vectors(pool_each(maps, find_pooling(pooling))), strict=True):
                pooled.setdefault(f"{pooling} {name}", []).append(vector)
    return {name: np.stack(vectors) for name, vectors in pooled.items()}


def read_pictures(photographs: Photographs, *, with_copies: bool) -> Iterator[tuple[str, Image.Image]]:
    """Yield each photograph and its altered copies, if any, with the name of the alteration."""
    copied = set(photographs.copied.tolist()) if with_copies else set()
    for position, path in enumerate(photographs.paths):
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
        yield CATALOGUE, picture
        if position in copied:
            yield from ((name, alter(picture)) for name, alter in MILD_ALTERATIONS.items())


def sum_scales(scales: list[Vectors]) -> Vectors:
    """Return the normalised sums of the vectors of several input sizes."""
    return {name: unit_vectors(np.sum([vectors[name] for vectors in scales], axis=0)) for name in scales[0]}
