"""How well descriptors rank: `python -m benchmarks.quality FOLDER [--scales 128] [--pooling rmac] …`.

FOLDER holds a folder of pictures for each kind. Every picture asks for the others of its kind (mean average
precision, precision at 1 and at 10), and altered copies of it ask for the picture they were made from (share that
finds it first). One row for each combination of what is given; the last line is one JSON list. With --words it tells
instead what the words for scores are worth.
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

from catalog.features.extractors import choose, space_of
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import prepare
from catalog.features.runtimes import Runtime, open_runtime
from catalog.features.weights import Weights
from catalog.vectors import calibration, metrics, projection
from catalog.vectors.calibration import Likeness

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


# What a row is of.
GIVEN = ("scales", "layer", "pooling", "whiten", "learn_from", "expand", "add_mirror")
UNALTERED: dict[str, Alteration] = {"catalogue": lambda same: same}
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
    if options.words:
        space = space_of(weights)
        at = [described_at(paths, weights, Input(size), space.layer, [space.pooling]) for size in space.input_sizes]
        tell_words(whitened(summed([one[space.pooling] for one in at]), projection.SHRINKAGE, None), labels)
        return
    rows = []

    def tell(row: dict[str, object], vectors: Vectors, expand: int = 0, mirror: bool = False) -> None:
        row |= by_kind(with_mirrored(vectors) if mirror else vectors["catalogue"], vectors["catalogue"], labels, expand)
        row |= {name: found_first(vectors[name], vectors["catalogue"]) for name in ALTERATIONS}
        rows.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    tutorial = described_at(paths, weights, Input(224, nearest), "block5_pool", ["max"])["max"]
    tell(dict(zip(GIVEN, ("224, nearest", "block5_pool", "max", 0.0, None, 0, 0), strict=True)), tutorial)
    for layer in options.layer:
        sizes = {size for scales in options.scales for size in scales}
        at_size = {size: described_at(paths, weights, Input(size), layer, options.pooling) for size in sorted(sizes)}
        for scales, pooling, epsilon, learn_from, expand, mirror in itertools.product(
            options.scales, options.pooling, options.whiten, options.learn_from, options.expand, options.add_mirror
        ):
            vectors = summed([at_size[size][pooling] for size in scales])
            if epsilon:
                vectors = whitened(vectors, epsilon, learn_from)
            given = ("+".join(map(str, scales)), layer, pooling, epsilon, learn_from, expand, mirror)
            tell(dict(zip(GIVEN, given, strict=True)), vectors, expand, mirror)
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
        default=[(80, 128, 192)],
        help="input sizes; 96+160 sums the descriptors of both",
    )
    parser.add_argument("--layer", nargs="+", default=["block5_conv3"])
    parser.add_argument("--pooling", nargs="+", default=["rmac"], choices=sorted(POOLINGS))
    parser.add_argument("--whiten", type=float, nargs="+", default=[0.0], help="ε of the shrinkage; 0: plain cosine")
    parser.add_argument(
        "--learn-from", type=int, nargs="+", default=[None], help="whiten by so many of the pictures, by chance"
    )
    parser.add_argument("--expand", type=int, nargs="+", default=[0], help="αQE with so many neighbours, α = 3")
    parser.add_argument("--add-mirror", type=int, nargs="+", default=[0], help="1: add the query's mirror image to it")
    parser.add_argument("--words", action="store_true", help="of the recipe in use, whitened: what the words are worth")
    return parser.parse_args()


@dataclass(frozen=True)
class Input:
    """How a picture becomes the network's input: its side in pixels, and what resizes it."""

    size: int
    resize: Callable[[Image.Image, int], np.ndarray] = prepare


def nearest(picture: Image.Image, size: int) -> np.ndarray:
    """As the popular tutorial resizes: keras.utils.load_img takes the nearest pixel."""
    return np.asarray(picture.resize((size, size), Image.Resampling.NEAREST))


def described_at(
    paths: list[Path], weights: Weights, given: Input, layer: str, poolings: list[str]
) -> dict[str, Vectors]:
    """Descriptors of the catalogue and of its altered copies, by pooling and by set."""
    with TemporaryDirectory() as cache:
        runtime = open_runtime("ncnn", weights, layer=layer, cache=Path(cache), threads=2, side_by_side=True)
        maps = {name: describe(paths, given, runtime, alter) for name, alter in (UNALTERED | ALTERATIONS).items()}
    return {pooling: {name: normalised(POOLINGS[pooling](one)) for name, one in maps.items()} for pooling in poolings}


def describe(paths: list[Path], given: Input, runtime: Runtime, alter: Alteration) -> np.ndarray:
    """The maps of pictures, altered: float32, n × side × side × channels."""

    def prepared(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            return given.resize(alter(ImageOps.exif_transpose(picture).convert("RGB")), given.size)

    batches = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    return np.concatenate([runtime.maps(np.stack([prepared(path) for path in batch])) for batch in batches])


def summed(scales: list[Vectors]) -> Vectors:
    """The descriptors of several input sizes as one: their sum, at unit length."""
    return {name: normalised(np.sum([one[name] for one in scales], axis=0)) for name in scales[0]}


def whitened(vectors: Vectors, epsilon: float, learn_from: int | None) -> Vectors:
    """Whitened by what the catalogue's descriptors teach, or so many of them."""
    sample = vectors["catalogue"]
    if learn_from is not None:
        sample = np.random.default_rng(0).choice(sample, learn_from, replace=False)
    learned = projection.learn(sample, shrinkage=epsilon, enough=2)
    assert learned is not None  # noqa: S101
    return {name: learned.whitened(rows) for name, rows in vectors.items()}


def with_mirrored(vectors: Vectors) -> np.ndarray:
    """Each picture's descriptor plus that of its mirror image, at unit length."""
    return normalised(vectors["catalogue"] + vectors["mirror"])


def by_kind(queries: np.ndarray, vectors: np.ndarray, labels: np.ndarray, expand: int) -> dict[str, float]:
    """Mean average precision, P@1 and P@10, each picture a query against all others."""
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    if expand:
        scores = expanded(queries, vectors, scores, expand) @ vectors.T
        np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = labels[order] == labels[:, np.newaxis]
    figures = {
        "map": metrics.average_precision(relevant),
        "p1": metrics.precision_at(relevant, 1),
        "p10": metrics.precision_at(relevant, 10),
    }
    return {name: round(float(values.mean()), 4) for name, values in figures.items()}


def expanded(queries: np.ndarray, vectors: np.ndarray, scores: np.ndarray, count: int, alpha: int = 3) -> np.ndarray:
    """All queries as `searching.expanded` makes them, one by one."""
    nearest = np.argsort(-scores, axis=1)[:, :count]
    weights = np.maximum(np.take_along_axis(scores, nearest, axis=1), 0) ** alpha
    return normalised(queries + np.einsum("qk,qkd->qd", weights, vectors[nearest]))


def found_first(queries: np.ndarray, catalogue: np.ndarray) -> float:
    """The share of altered copies that find their original first."""
    return round(float(((queries @ catalogue.T).argmax(axis=1) == np.arange(len(catalogue))).mean()), 3)


def tell_words(vectors: Vectors, labels: np.ndarray) -> None:
    """For each word: how many pairs of different pictures earn it, and which share of these is of one kind; which share
    of altered copies does; and of the best hits, with the query's kind in the catalogue and without it."""
    catalogue = vectors["catalogue"]
    meaning = calibration.calibrate(catalogue)
    assert meaning is not None  # noqa: S101
    scores, pairs = catalogue @ catalogue.T, np.triu_indices(len(labels), 1)
    same_kind = labels[:, np.newaxis] == labels
    best_hits = {
        "best hit": np.where(np.eye(len(labels), dtype=bool), -1, scores).max(axis=1),
        "best hit without its kind": np.where(same_kind, -1, scores).max(axis=1),
    }
    copies = {name: (vectors[name] * catalogue).sum(axis=1) for name in ALTERATIONS}
    best = np.inf
    for word in Likeness:
        least = meaning.least(word)

        def share(found: np.ndarray, low: float = least, high: float = best) -> float:
            return round(float(((low <= found) & (found < high)).mean()), 3)

        there = (scores[pairs] >= least) & (scores[pairs] < best)
        row: dict[str, object] = {"word": str(word), "from": round(least, 3), "pairs": int(there.sum())}
        row["of one kind"] = round(float(same_kind[pairs][there].mean()), 3)
        row |= {name: share(found) for name, found in copies.items()}
        row |= {name: share(found) for name, found in best_hits.items()}
        print("  ".join(f"{name} {value}" for name, value in row.items()))
        best = least


if __name__ == "__main__":
    main()
