"""How well descriptors rank: `python -m benchmarks.quality FOLDER [--size 128] [--pooling rmac] …`.

FOLDER holds a folder of pictures for each kind. Every picture asks for the others of its kind (mean average
precision, precision at 1 and at 10), and altered copies of every tenth ask for the picture they were made from
(share that finds it first). One row for each combination of what is given; the last line is one JSON list.
"""

import argparse
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageOps

from catalog.features.extractors import choose
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import prepare
from catalog.features.runtimes import open_runtime
from catalog.vectors import metrics

Alteration = Callable[[Image.Image], Image.Image]


def recompressed(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=40)
    return Image.open(out).convert("RGB")


def halved(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


def cropped(picture: Image.Image) -> Image.Image:
    """Without a tenth at each edge."""
    x, y = picture.width // 10, picture.height // 10
    return picture.crop((x, y, picture.width - x, picture.height - y))


def turned(picture: Image.Image) -> Image.Image:
    """By five degrees, the corners white."""
    return picture.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


ALTERATIONS: dict[str, Alteration] = {
    "q40": recompressed,
    "half": halved,
    "crop10": cropped,
    "turn5": turned,
    "mirror": ImageOps.mirror,
}


def main() -> None:
    options = arguments()
    paths = sorted(path for path in options.folder.glob("*/*") if path.is_file())
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    weights = choose(options.extractor, options.weights)
    rows = []
    print(f"{len(paths)} pictures of {labels.max() + 1} kinds, {weights.architecture.name}")
    for size, layer in itertools.product(options.size, options.layer):
        with TemporaryDirectory() as cache:
            runtime = open_runtime(
                "ncnn", weights, input_size=size, layer=layer, cache=Path(cache), threads=2, side_by_side=True
            )
            maps = {"catalogue": describe(paths, size, runtime.maps)}
            for name, alter in ALTERATIONS.items():
                maps[name] = describe(paths[::10], size, runtime.maps, alter)
        for pooling, epsilon in itertools.product(options.pooling, options.whiten):
            vectors = {name: normalised(POOLINGS[pooling](found)) for name, found in maps.items()}
            if epsilon:
                vectors = whitened(vectors, epsilon)
            row = {"size": size, "layer": layer, "pooling": pooling, "whiten": epsilon}
            row |= by_kind(vectors["catalogue"], labels, options.expand)
            row |= {name: found_first(vectors[name], vectors["catalogue"]) for name in ALTERATIONS}
            rows.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(json.dumps(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extractor", default="vgg16-compact")
    parser.add_argument("--weights", type=Path, help="VGG16's ImageNet weights")
    parser.add_argument("--size", type=int, nargs="+", default=[128])
    parser.add_argument("--layer", nargs="+", default=["block5_conv3"])
    parser.add_argument("--pooling", nargs="+", default=["rmac"], choices=sorted(POOLINGS))
    parser.add_argument("--whiten", type=float, nargs="+", default=[0.0], help="ε of the shrinkage; 0: plain cosine")
    parser.add_argument("--expand", type=int, default=0, help="αQE with so many neighbours, α = 3")
    return parser.parse_args()


def describe(
    paths: list[Path], size: int, maps: Callable[[np.ndarray], np.ndarray], alter: Alteration = lambda same: same
) -> np.ndarray:
    """The maps of pictures, altered: float32, n × side × side × channels."""

    def prepared(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            return prepare(alter(ImageOps.exif_transpose(picture).convert("RGB")), size)

    batches = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    return np.concatenate([maps(np.stack([prepared(path) for path in batch])) for batch in batches])


def whitened(vectors: dict[str, np.ndarray], epsilon: float) -> dict[str, np.ndarray]:
    """PCA-whitened by what the catalogue's descriptors teach, eigenvalues shrunk: 1/√(λ + ε·mean λ)."""
    mean = vectors["catalogue"].mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(vectors["catalogue"].T))
    projection = axes / np.sqrt(values + epsilon * values.mean())
    return {name: normalised(((rows - mean) @ projection).astype(np.float32)) for name, rows in vectors.items()}


def by_kind(vectors: np.ndarray, labels: np.ndarray, expand: int) -> dict[str, float]:
    """Mean average precision, P@1 and P@10, each picture a query against all others."""
    scores = vectors @ vectors.T
    if expand:
        scores = expanded(vectors, scores, expand) @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = labels[order] == labels[:, np.newaxis]
    figures = {
        "map": metrics.average_precision(relevant),
        "p1": metrics.precision_at(relevant, 1),
        "p10": metrics.precision_at(relevant, 10),
    }
    return {name: round(float(values.mean()), 4) for name, values in figures.items()}


def expanded(vectors: np.ndarray, scores: np.ndarray, count: int, alpha: float = 3.0) -> np.ndarray:
    """αQE: each query plus its nearest, weighted by score^α. Radenović, Tolias & Chum 2018, section 3.4."""
    nearest = np.argsort(-scores, axis=1)[:, : count + 1]
    weights = np.maximum(np.take_along_axis(scores, nearest, axis=1), 0) ** alpha
    return normalised(np.einsum("qk,qkd->qd", weights, vectors[nearest]).astype(np.float32))


def found_first(queries: np.ndarray, catalogue: np.ndarray) -> float:
    """The share of altered copies, one of every tenth picture, that find their original first."""
    first = (queries @ catalogue.T).argmax(axis=1)
    return round(float((first == np.arange(len(catalogue))[::10]).mean()), 4)


if __name__ == "__main__":
    main()
