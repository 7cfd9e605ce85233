"""Speed of extraction: `python -m benchmarks.extraction [--pictures 16] [--rounds 5] [--plot FILE]`.

Times three runtimes on the same pictures, in turn: Keras `predict` with one picture at a time, a traced TensorFlow
function with its best batch size, and ncnn. The networks are VGG16 with random weights, which do not affect the speed,
and the compact network with all input sizes of its configuration. Then compares the import of files until they are
searchable with the network alone, each in a separate process. Prints medians and ratios; the last line is one JSON
object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.random_inputs import random_pictures, write_random_vgg16
from catalog.features.extractors import Extractor, PreparedPicture, choose_weights, space_for_weights
from catalog.features.pooling import POOLINGS, l2_normalise
from catalog.features.preprocessing import preprocess_input
from catalog.features.runtimes.keras_runtime import build_model
from catalog.features.weights import Weights

BATCH_SIZES = (1, 4, 8, 16)

Maps = list[np.ndarray]
ExtractMaps = Callable[[], Maps]


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        random_vgg16 = write_random_vgg16(Path(folder) / "vgg16.h5")
        results: dict[str, dict[str, Any]] = {
            weights.architecture.name: measure_network(weights, Path(folder), options.pictures, options.rounds)
            for weights in (random_vgg16, choose_weights("vgg16-compact", None))
        }
        results["pipeline"] = {
            "vgg16": measure_pipeline("vgg16", options.files // 2, random_vgg16.path),
            "vgg16-compact": measure_pipeline("vgg16-compact", options.files, random_vgg16.path),
        }
    if options.plot:
        plot(results, options.plot)
    print(json.dumps(results))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=16, help="pictures per runtime and round")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds; the median is reported")
    parser.add_argument("--files", type=int, default=1000, help="files to import; half as many for VGG16")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a chart of the results to this PNG file")
    return parser.parse_args()


def measure_network(weights: Weights, folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Return medians per picture in milliseconds, ratios, and the agreement of the runtimes, for one network."""
    space = space_for_weights(weights)
    pictures = random_pictures(space, count)
    ncnn = Extractor.from_weights(
        weights, space, runtime="ncnn", cache_dir=folder / "ncnn", threads=os.cpu_count() or 1, parallel_pictures=True
    )
    variants = keras_variants(weights, space.layer, pictures) | {"ncnn": lambda: ncnn.feature_maps(pictures)}
    maps = {name: run() for name, run in variants.items()}  # also loads, traces and warms up
    medians = timing.time_in_turn(variants, count=count, rounds=rounds)
    best = min(medians[f"tf_function_{batch}"] for batch in BATCH_SIZES)
    figures = {
        "keras_predict_ms": medians["keras_predict"],
        "tf_function_ms": best,
        "ncnn_ms": medians["ncnn"],
        "ratio_vs_predict": round(medians["keras_predict"] / medians["ncnn"], 2),
        "ratio_vs_function": round(best / medians["ncnn"], 2),
        "min_cosine": round(min_cosine(maps["keras_predict"], maps["ncnn"], space.pooling), 6),
    }
    print(weights.architecture.name, figures, flush=True)
    return figures


def keras_variants(weights: Weights, layer: str, pictures: list[PreparedPicture]) -> dict[str, ExtractMaps]:
    """Return functions for Keras: `predict` with one picture at a time, and a traced function with several batch sizes.

    Each returns the feature maps of every input size.
    """
    model = build_model(weights, layer)
    import tensorflow as tf  # after build_model, which imports Keras with its log messages disabled

    function = tf.function(model)
    inputs = [preprocess_input(np.stack(batch)) for batch in zip(*pictures, strict=True)]

    def predict() -> Maps:
        return [
            np.concatenate([model.predict(picture[np.newaxis], verbose=0) for picture in batch]) for batch in inputs
        ]

    def traced(size: int) -> Maps:
        starts = range(0, len(pictures), size)
        return [
            np.concatenate([function(tf.constant(batch[start : start + size])).numpy() for start in starts])
            for batch in inputs
        ]

    return {"keras_predict": predict, **{f"tf_function_{size}": partial(traced, size) for size in BATCH_SIZES}}


def min_cosine(ours: Maps, theirs: Maps, pooling: str) -> float:
    """Return the lowest cosine similarity of the pooled descriptors of two runtimes."""
    pool = POOLINGS[pooling]
    return min(
        float((l2_normalise(pool(our_maps)) * l2_normalise(pool(their_maps))).sum(axis=1).min())
        for our_maps, their_maps in zip(ours, theirs, strict=True)
    )


def measure_pipeline(extractor: str, files: int, random_vgg16: Path) -> dict[str, float]:
    """Run `benchmarks.import_pipeline` in a separate process and return its figures."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "benchmarks.import_pipeline", extractor, str(files), str(random_vgg16)]
        environment = os.environ | {"IMAGESEARCH_DATA_DIR": data, "IMAGESEARCH_EXTRACTOR": extractor}
        completed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(completed.stdout.splitlines()[-1])
    print("import,", extractor, figures, flush=True)
    return figures


def plot(results: dict[str, dict[str, Any]], path: Path) -> None:
    """Plot the speed of each runtime relative to Keras `predict`, and of an import relative to the network alone."""
    from matplotlib.figure import Figure

    networks = ("vgg16", "vgg16-compact")
    variants = {"Keras predict": "keras_predict_ms", "traced function": "tf_function_ms", "ncnn": "ncnn_ms"}
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    speeds, rates = figure.subplots(1, 2, width_ratios=[2, 1])
    for position, (label, key) in enumerate(variants.items()):
        heights = [results[name]["keras_predict_ms"] / results[name][key] for name in networks]
        bars = speeds.bar([index + (position - 1) * 0.27 for index in range(len(networks))], heights, 0.25, label=label)
        speeds.bar_label(bars, [f"{results[name][key]:.3g} ms" for name in networks], fontsize=8)
    speeds.set_title("Pictures per second (Keras predict = 1)", fontsize=10)
    speeds.set_xticks(range(len(networks)), networks)
    speeds.set_yscale("log")
    speeds.legend(fontsize=8)
    bars = rates.bar(networks, [results["pipeline"][name]["ratio"] for name in networks], 0.5, color="tab:green")
    rates.bar_label(bars, [f"{results['pipeline'][name]['images_per_second']:.3g} /s" for name in networks], fontsize=8)
    rates.set_title("Import (network alone = 1)", fontsize=10)
    rates.set_ylim(0, 1.05)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
