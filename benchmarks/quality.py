"""Retrieval quality of descriptors: `python -m benchmarks.quality FOLDER [--scales 128] [--pooling rmac] …`.

FOLDER contains a folder of pictures for each kind. Each picture is a query for the others of its kind (mean average
precision, precision at 1 and at 10). Altered copies are queries for their originals (share that rank the original
first). Prints a row for each combination of the options; the last line is one JSON list. With --words, evaluates the
similarity levels instead.
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

from catalog.features.extractors import choose_weights, space_for_weights
from catalog.features.pooling import POOLINGS, l2_normalise
from catalog.features.preprocessing import resize_to_square
from catalog.features.runtimes import Runtime, open_runtime
from catalog.features.weights import Weights
from catalog.vectors import calibration, metrics, whitening
from catalog.vectors.calibration import SimilarityLevel

Alteration = Callable[[Image.Image], Image.Image]
Vectors = dict[str, np.ndarray]


def recompress(picture: Image.Image) -> Image.Image:
    """Save as JPEG with quality 40."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=40)
    return Image.open(out).convert("RGB")


def half_size(picture: Image.Image) -> Image.Image:
    """Scale to half the width and height."""
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


def crop_edges(picture: Image.Image) -> Image.Image:
    """Cut off a tenth at each edge."""
    x, y = picture.width // 10, picture.height // 10
    return picture.crop((x, y, picture.width - x, picture.height - y))


def rotate(picture: Image.Image) -> Image.Image:
    """Rotate by five degrees, with white corners."""
    return picture.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


# The parameters of a row, which are keys of the JSON.
PARAMETER_NAMES = ("scales", "layer", "pooling", "whiten", "learn_from", "expand", "add_mirror")
UNALTERED: dict[str, Alteration] = {"catalogue": lambda picture: picture}
ALTERATIONS: dict[str, Alteration] = {
    "q40": recompress,
    "half": half_size,
    "crop10": crop_edges,
    "turn5": rotate,
    "mirror": ImageOps.mirror,
}


def main() -> None:
    options = parse_arguments()
    paths = sorted(path for path in options.folder.glob("*/*") if path.is_file())
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    weights = choose_weights(options.extractor, options.weights)
    print(f"{len(paths)} pictures of {labels.max() + 1} kinds, {weights.architecture.name}")
    if options.words:
        report_levels(configured_vectors(paths, weights), labels)
        return
    rows = [tutorial_row(paths, weights, labels)]
    for layer in options.layer:
        rows += layer_rows(paths, weights, labels, layer, options)
    print(json.dumps(rows))


def configured_vectors(paths: list[Path], weights: Weights) -> Vectors:
    """Return whitened descriptors with the configuration of the network in use."""
    space = space_for_weights(weights)
    scales = [
        extract_all(paths, weights, InputSpec(size), space.layer, [space.pooling])[space.pooling]
        for size in space.input_sizes
    ]
    return whiten(sum_scales(scales), whitening.SHRINKAGE, None)


def tutorial_row(paths: list[Path], weights: Weights, labels: np.ndarray) -> dict[str, object]:
    """Evaluate the configuration of popular tutorials, for comparison."""
    vectors = extract_all(paths, weights, InputSpec(224, resize_nearest), "block5_pool", ["max"])["max"]
    return report_row(("224, nearest", "block5_pool", "max", 0.0, None, 0, 0), vectors, labels)


def layer_rows(
    paths: list[Path], weights: Weights, labels: np.ndarray, layer: str, options: argparse.Namespace
) -> list[dict[str, object]]:
    """Evaluate all combinations of the options for one layer. Each input size is extracted once."""
    sizes = sorted({size for scales in options.scales for size in scales})
    vectors_by_size = {size: extract_all(paths, weights, InputSpec(size), layer, options.pooling) for size in sizes}
    rows = []
    for scales, pooling, epsilon, learn_from, expand, mirror in itertools.product(
        options.scales, options.pooling, options.whiten, options.learn_from, options.expand, options.add_mirror
    ):
        vectors = sum_scales([vectors_by_size[size][pooling] for size in scales])
        if epsilon:
            vectors = whiten(vectors, epsilon, learn_from)
        parameters = ("+".join(map(str, scales)), layer, pooling, epsilon, learn_from, expand, mirror)
        rows.append(report_row(parameters, vectors, labels, expand, mirror))
    return rows


def report_row(
    parameters: tuple[object, ...], vectors: Vectors, labels: np.ndarray, expand: int = 0, mirror: bool = False
) -> dict[str, object]:
    """Evaluate one combination, print it and return it. `parameters` are the values of PARAMETER_NAMES."""
    row = dict(zip(PARAMETER_NAMES, parameters, strict=True))
    queries = add_mirrored(vectors) if mirror else vectors["catalogue"]
    row |= retrieval_metrics(queries, vectors["catalogue"], labels, expand)
    row |= {name: first_hit_rate(vectors[name], vectors["catalogue"]) for name in ALTERATIONS}
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def parse_arguments() -> argparse.Namespace:
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
        "--learn-from", type=int, nargs="+", default=[None], help="fit the whitening to a random sample of this size"
    )
    parser.add_argument("--expand", type=int, nargs="+", default=[0], help="αQE with this many neighbours, α = 3")
    parser.add_argument("--add-mirror", type=int, nargs="+", default=[0], help="1: add the query's mirror image to it")
    parser.add_argument(
        "--words", action="store_true", help="evaluate the similarity levels of the configuration in use"
    )
    return parser.parse_args()


@dataclass(frozen=True)
class InputSpec:
    """How a picture becomes the network's input: the side length in pixels, and the function that resizes it."""

    size: int
    resize: Callable[[Image.Image, int], np.ndarray] = resize_to_square


def resize_nearest(picture: Image.Image, size: int) -> np.ndarray:
    """Resize like popular tutorials: keras.utils.load_img uses nearest-neighbour interpolation."""
    return np.asarray(picture.resize((size, size), Image.Resampling.NEAREST))


def extract_all(
    paths: list[Path], weights: Weights, input_spec: InputSpec, layer: str, poolings: list[str]
) -> dict[str, Vectors]:
    """Return the descriptors of the catalogue and of its altered copies, by pooling and by alteration."""
    with TemporaryDirectory() as cache:
        runtime = open_runtime("ncnn", weights, layer=layer, cache_dir=Path(cache), threads=2, parallel_pictures=True)
        maps = {
            name: compute_maps(paths, input_spec, runtime, alter) for name, alter in (UNALTERED | ALTERATIONS).items()
        }
    return {
        pooling: {name: l2_normalise(POOLINGS[pooling](features)) for name, features in maps.items()}
        for pooling in poolings
    }


def compute_maps(paths: list[Path], input_spec: InputSpec, runtime: Runtime, alter: Alteration) -> np.ndarray:
    """Return the feature maps of altered pictures: float32, n × side × side × channels."""

    def prepare_file(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            return input_spec.resize(alter(ImageOps.exif_transpose(picture).convert("RGB")), input_spec.size)

    batches = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    return np.concatenate([runtime.feature_maps(np.stack([prepare_file(path) for path in batch])) for batch in batches])


def sum_scales(scales: list[Vectors]) -> Vectors:
    """Return the normalised sums of the descriptors of several input sizes."""
    return {name: l2_normalise(np.sum([vectors[name] for vectors in scales], axis=0)) for name in scales[0]}


def whiten(vectors: Vectors, epsilon: float, learn_from: int | None) -> Vectors:
    """Whiten all descriptors with a whitening fitted to the catalogue, or to a random sample of it."""
    sample = vectors["catalogue"]
    if learn_from is not None:
        sample = np.random.default_rng(0).choice(sample, learn_from, replace=False)
    fitted_whitening = whitening.fit_whitening(sample, shrinkage=epsilon, min_images=2)
    assert fitted_whitening is not None  # noqa: S101, pictures differ
    return {name: fitted_whitening.whiten(rows) for name, rows in vectors.items()}


def add_mirrored(vectors: Vectors) -> np.ndarray:
    """Return the normalised sums of the descriptors of each picture and its mirror image."""
    return l2_normalise(vectors["catalogue"] + vectors["mirror"])


def retrieval_metrics(queries: np.ndarray, vectors: np.ndarray, labels: np.ndarray, expand: int) -> dict[str, float]:
    """Return mean average precision, P@1 and P@10, with each picture as a query against all others."""
    scores = queries @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    if expand:
        scores = expand_queries(queries, vectors, scores, expand) @ vectors.T
        np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    relevant = labels[order] == labels[:, np.newaxis]
    figures = {
        "map": metrics.average_precision(relevant),
        "p1": metrics.precision_at(relevant, 1),
        "p10": metrics.precision_at(relevant, 10),
    }
    return {name: round(float(values.mean()), 4) for name, values in figures.items()}


def expand_queries(
    queries: np.ndarray, vectors: np.ndarray, scores: np.ndarray, count: int, alpha: int = 3
) -> np.ndarray:
    """Expand all queries, as `ranking.expand_query` expands one (αQE)."""
    nearest = np.argsort(-scores, axis=1)[:, :count]
    weights = np.maximum(np.take_along_axis(scores, nearest, axis=1), 0) ** alpha
    return l2_normalise(queries + np.einsum("qk,qkd->qd", weights, vectors[nearest]))


def first_hit_rate(queries: np.ndarray, catalogue: np.ndarray) -> float:
    """Return the share of altered copies that rank their original first."""
    return round(float(((queries @ catalogue.T).argmax(axis=1) == np.arange(len(catalogue))).mean()), 3)


def report_levels(vectors: Vectors, labels: np.ndarray) -> None:
    """Print for each similarity level its pairs of different pictures and the share of these that are of one kind, and
    the shares of altered copies and of best hits, with and without the query's kind in the catalogue."""
    catalogue = vectors["catalogue"]
    levels = calibration.calibrate(catalogue)
    assert levels is not None  # noqa: S101, pictures differ
    scores, pairs = catalogue @ catalogue.T, np.triu_indices(len(labels), 1)
    same_kind = labels[:, np.newaxis] == labels
    best_hits = {
        "best hit": np.where(np.eye(len(labels), dtype=bool), -1, scores).max(axis=1),
        "best hit without its kind": np.where(same_kind, -1, scores).max(axis=1),
    }
    copies = {name: (vectors[name] * catalogue).sum(axis=1) for name in ALTERATIONS}
    max_score = np.inf
    for level in SimilarityLevel:
        min_score = levels.min_score(level)

        def share(values: np.ndarray, low: float = min_score, high: float = max_score) -> float:
            return round(float(((low <= values) & (values < high)).mean()), 3)

        in_range = (scores[pairs] >= min_score) & (scores[pairs] < max_score)
        row: dict[str, object] = {"level": str(level), "from": round(min_score, 3), "pairs": int(in_range.sum())}
        row["of one kind"] = round(float(same_kind[pairs][in_range].mean()), 3)
        row |= {name: share(values) for name, values in copies.items()}
        row |= {name: share(values) for name, values in best_hits.items()}
        print("  ".join(f"{name} {value}" for name, value in row.items()))
        max_score = min_score


if __name__ == "__main__":
    main()
