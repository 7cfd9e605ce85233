"""Make the basis of a network: `python -m benchmarks.bases NETWORK FOLDER [--vgg16-weights FILE] [--dimensions 512]`.

FOLDER contains folders of photographs. Their descriptors, and those of their mirrored and cropped copies, give the
mean and the principal directions that are written to `catalog/features/bases/`. Every catalogue must be extracted again
after that, so this is done only when the recipe of a network changes.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from catalog.features.basis import basis_path, write_basis
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks import NetworkSources
from catalog.features.networks.opening import open_network

BATCH_PICTURES = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vgg16-weights", type=Path)
    parser.add_argument("--dimensions", type=int, default=512)
    options = parser.parse_args()
    network = open_network(options.network, NetworkSources(options.network, options.vgg16_weights, Path("var/models")))
    space = space_for_network(network)
    without_basis = replace(space, basis="", dimensions=network.channels(space.layer))
    extractor = Extractor.from_network(
        network, without_basis, runtime="openvino", threads=os.cpu_count() or 1, parallel_pictures=True
    )
    vectors = np.concatenate(list(extract_batches(extractor, options.folder)))
    mean = vectors.mean(axis=0, dtype=np.float64)
    directions = np.linalg.svd(vectors - mean, full_matrices=False)[2][: options.dimensions]
    write_basis(basis_path(network.name), mean.astype(np.float32), directions)
    print(f"{len(vectors)} pictures, {len(directions)} directions: {basis_path(network.name)}")


def extract_batches(extractor: Extractor, folder: Path) -> Iterator[np.ndarray]:
    """Yield descriptors of all pictures and their copies, a batch at a time: float32 (n, C)."""
    pictures = (copy for path in sorted(folder.glob("*/*")) if path.is_file() for copy in read_copies(path))
    while batch := list(islice(pictures, BATCH_PICTURES)):
        yield extractor.extract([extractor.prepare(picture) for picture in batch])


def read_copies(path: Path) -> Iterator[Image.Image]:
    """Yield a picture, its mirror image, and its middle without a sixth at each edge."""
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file).convert("RGB")
    yield picture
    yield ImageOps.mirror(picture)
    x, y = picture.width // 6, picture.height // 6
    yield picture.crop((x, y, picture.width - x, picture.height - y))


if __name__ == "__main__":
    main()
