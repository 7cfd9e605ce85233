"""Speed of extraction: `python -m benchmarks.extraction [--pictures 16] [--rounds 5] [--plot FILE]`.

Times runtimes on the same pictures, in turn: Keras `predict` with one picture at a time, a traced TensorFlow function
with its best batch size, OpenVINO in float32, and for VGG16 in int8. The networks are VGG16 with random weights, which
do not affect the speed, and EfficientNet-Lite2. The ratios are of the precision that new catalogues use. Then compares
the import of files until they are searchable with the network alone, each in a separate process. Prints medians and
ratios; the last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.random_inputs import random_pictures, write_random_vgg16
from catalog.features.extractors import Extractor, PreparedPicture, pool_each, space_for_network
from catalog.features.feature_space import Space
from catalog.features.networks.efficientnet_lite import EfficientNetLite2, efficientnet_lite2_network
from catalog.features.networks.vgg16 import Vgg16
from catalog.features.pooling import find_pooling
from catalog.features.runtimes.keras_models import build_model, preprocess_input

BATCH_SIZES = (1, 4, 8, 16)
NETWORKS = ("vgg16", "efficientnet-lite2")

# For each input size, the feature maps of each picture.
Maps = list[list[np.ndarray]]
ExtractMaps = Callable[[], Maps]


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        random_vgg16 = write_random_vgg16(Path(folder) / "vgg16.h5")
        results: dict[str, dict[str, Any]] = {
            network.name: measure_network(network, options.pictures, options.rounds)
            for network in (random_vgg16, efficientnet_lite2_network())
        }
        results["pipeline"] = {
            "vgg16": measure_pipeline("vgg16", options.files // 2, random_vgg16.path),
            "efficientnet-lite2": measure_pipeline("efficientnet-lite2", options.files, random_vgg16.path),
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


def measure_network(network: Vgg16 | EfficientNetLite2, count: int, rounds: int) -> dict[str, float]:
    """Return medians per picture in milliseconds, ratios, and the agreement of the runtimes, for one network."""
    space = space_for_network(network)
    pictures = random_pictures(space, count)
    precisions = (
        {"openvino": "float32", "openvino_int8": "int8"} if isinstance(network, Vgg16) else {"openvino": "float32"}
    )
    variants = keras_variants(network, space.layer, pictures) | {
        name: openvino_variant(network, replace(space, precision=precision), pictures)
        for name, precision in precisions.items()
    }
    maps = {name: run() for name, run in variants.items()}  # also loads, traces and warms up
    medians = timing.time_in_turn(variants, count=count, rounds=rounds)
    best = min(medians[f"tf_function_{batch}"] for batch in BATCH_SIZES)
    in_use = next(name for name, precision in precisions.items() if precision == space.precision)
    figures = {
        "keras_predict_ms": medians["keras_predict"],
        "tf_function_ms": best,
        **{f"{name}_ms": medians[name] for name in precisions},
        "ratio_vs_predict": round(medians["keras_predict"] / medians[in_use], 2),
        "ratio_vs_function": round(best / medians[in_use], 2),
        "min_cosine": round(min_cosine(maps["keras_predict"], maps["openvino"], space.pooling), 6),
    }
    print(network.name, figures, flush=True)
    return figures


def openvino_variant(network: Vgg16 | EfficientNetLite2, space: Space, pictures: list[PreparedPicture]) -> ExtractMaps:
    """Return a function for OpenVINO, with a picture for each thread as in a worker."""
    extractor = Extractor.from_network(
        network, space, runtime="openvino", threads=os.cpu_count() or 1, parallel_pictures=True
    )
    return lambda: extractor.feature_maps(pictures)


def keras_variants(
    network: Vgg16 | EfficientNetLite2, layer: str, pictures: list[PreparedPicture]
) -> dict[str, ExtractMaps]:
    """Return functions for Keras: `predict` with one picture at a time, and a traced function with several batch sizes.

    Each returns the feature maps of every input size, in float32.
    """
    model = build_model(network, layer)
    import tensorflow as tf  # after build_model, which imports Keras with its log messages disabled

    function = tf.function(model)
    inputs = [preprocess_input(network, np.stack(batch)) for batch in zip(*pictures, strict=True)]

    def predict() -> Maps:
        return [[model.predict(picture[np.newaxis], verbose=0)[0] for picture in batch] for batch in inputs]

    def traced(size: int) -> Maps:
        starts = range(0, len(pictures), size)
        return [
            [*np.concatenate([function(tf.constant(batch[start : start + size])).numpy() for start in starts])]
            for batch in inputs
        ]

    return {"keras_predict": predict, **{f"tf_function_{size}": partial(traced, size) for size in BATCH_SIZES}}


def min_cosine(ours: Maps, theirs: Maps, pooling: str) -> float:
    """Return the lowest cosine similarity of the pooled descriptors of two runtimes."""
    pool = find_pooling(pooling)
    return min(
        float((pool_each(our_maps, pool) * pool_each(their_maps, pool)).sum(axis=1).min())
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

    variants = {
        "Keras predict": "keras_predict_ms",
        "traced function": "tf_function_ms",
        "OpenVINO float32": "openvino_ms",
        "OpenVINO int8": "openvino_int8_ms",
    }
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    speeds, rates = figure.subplots(1, 2, width_ratios=[2, 1])
    for position, (label, key) in enumerate(variants.items()):
        measured = {name: results[name] for name in NETWORKS if key in results[name]}
        heights = [figures["keras_predict_ms"] / figures[key] for figures in measured.values()]
        places = [NETWORKS.index(name) + (position - 1.5) * 0.21 for name in measured]
        bars = speeds.bar(places, heights, 0.19, label=label)
        speeds.bar_label(bars, [f"{figures[key]:.3g} ms" for figures in measured.values()], fontsize=8)
    speeds.set_title("Pictures per second (Keras predict = 1)", fontsize=10)
    speeds.set_xticks(range(len(NETWORKS)), NETWORKS)
    speeds.set_yscale("log")
    speeds.legend(fontsize=8)
    bars = rates.bar(NETWORKS, [results["pipeline"][name]["ratio"] for name in NETWORKS], 0.5, color="tab:green")
    rates.bar_label(bars, [f"{results['pipeline'][name]['images_per_second']:.3g} /s" for name in NETWORKS], fontsize=8)
    rates.set_title("Import (network alone = 1)", fontsize=10)
    rates.set_ylim(0, 1.05)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
