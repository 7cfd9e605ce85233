"""How well descriptors rank: `python -m benchmarks.quality FOLDER [--scales 128] [--pooling rmac] …`.

FOLDER holds a folder of pictures for each kind. Every picture asks for the others of its kind (mean average
precision, precision at 1 and at 10), and altered copies of every tenth ask for the picture they were made from
(share that finds it first). One row for each combination of what is given; the last line is one JSON list.
"""

import argparse
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageOps

from catalog.features.extractors import choose
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import prepare
from catalog.features.runtimes import Runtime, open_runtime
from catalog.features.weights import Weights
from catalog.vectors import metrics

Alteration = Callable[[Image.Image], Image.Image]
Vectors = dict[str, np.ndarray]


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
    print(f"{len(paths)} pictures of {labels.max() + 1} kinds, {weights.architecture.name}")
    rows = []

    def tell(row: dict[str, object], vectors: Vectors, expand: int = 0) -> None:
        row |= by_kind(vectors["catalogue"], labels, expand)
        row |= {name: found_first(vectors[name], vectors["catalogue"]) for name in ALTERATIONS}
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    tutorial = pooled_at(paths, weights, Input(224, nearest), "block5_pool", ["max"])["max"]
    tell({"scales": "224, nearest", "layer": "block5_pool", "pooling": "max", "whiten": 0.0, "expand": 0}, tutorial)
    for layer in options.layer:
        sizes = {size for scales in options.scales for size in scales}
        at = {size: pooled_at(paths, weights, Input(size), layer, options.pooling) for size in sorted(sizes)}
        for scales, pooling, epsilon, expand in itertools.product(
            options.scales, options.pooling, options.whiten, options.expand
        ):
            vectors = summed([at[size][pooling] for size in scales])
            if epsilon:
                vectors = whitened(vectors, epsilon)
            row = {"scales": "+".join(map(str, scales)), "layer": layer, "pooling": pooling}
            tell(row | {"whiten": epsilon, "expand": expand}, vectors, expand)
    print(json.dumps(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extractor", default="vgg16-compact")
    parser.add_argument("--weights", type=Path, help="VGG16's ImageNet weights")
    parser.add_argument(
        "--scales",
        type=lambda text: tuple(map(int, text.split("+"))),
        nargs="+",
        default=[(128,)],
        help="input sizes; 96+160 sums the descriptors of both",
    )
    parser.add_argument("--layer", nargs="+", default=["block5_conv3"])
    parser.add_argument("--pooling", nargs="+", default=["rmac"], choices=sorted(POOLINGS))
    parser.add_argument("--whiten", type=float, nargs="+", default=[0.0], help="ε of the shrinkage; 0: plain cosine")
    parser.add_argument("--expand", type=int, nargs="+", default=[0], help="αQE with so many neighbours, α = 3")
    return parser.parse_args()


@dataclass(frozen=True)
class Input:
    """How a picture becomes the network's input: its side in pixels, and what resizes it."""

    size: int
    resize: Callable[[Image.Image, int], np.ndarray] = prepare


def nearest(picture: Image.Image, size: int) -> np.ndarray:
    """As the popular tutorial resizes: keras.utils.load_img takes the nearest pixel."""
    return np.asarray(picture.resize((size, size), Image.Resampling.NEAREST))


def pooled_at(paths: list[Path], weights: Weights, given: Input, layer: str, poolings: list[str]) -> dict[str, Vectors]:
    """Descriptors of the catalogue and of its altered copies, by pooling and by set."""
    with TemporaryDirectory() as cache:
        runtime = open_runtime(
            "ncnn", weights, input_size=given.size, layer=layer, cache=Path(cache), threads=2, side_by_side=True
        )
        maps = {"catalogue": describe(paths, given, runtime)}
        for name, alter in ALTERATIONS.items():
            maps[name] = describe(paths[::10], given, runtime, alter)
    return {pooling: {name: normalised(POOLINGS[pooling](one)) for name, one in maps.items()} for pooling in poolings}


def describe(paths: list[Path], given: Input, runtime: Runtime, alter: Alteration = lambda same: same) -> np.ndarray:
    """The maps of pictures, altered: float32, n × side × side × channels."""

    def prepared(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            return given.resize(alter(ImageOps.exif_transpose(picture).convert("RGB")), given.size)

    batches = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    return np.concatenate([runtime.maps(np.stack([prepared(path) for path in batch])) for batch in batches])


def summed(scales: list[Vectors]) -> Vectors:
    """The descriptors of several input sizes as one: their sum, at unit length."""
    return {name: normalised(np.sum([one[name] for one in scales], axis=0)) for name in scales[0]}


def whitened(vectors: Vectors, epsilon: float) -> Vectors:
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
