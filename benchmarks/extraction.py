"""How fast pixels become descriptors: `python -m benchmarks.extraction [--pictures 16] [--rounds 5]`.

Times in turn, in one run, on the same pictures: Keras `predict` one by one, a traced TensorFlow function in its
best batch size, and ncnn; for VGG16 (weights drawn at random: speed does not ask what they mean) and the compact
network, a picture through all input sizes of its recipe. Then, each in a process of its own, the whole import from
files to searchable images against the bare network. Prints medians and ratios as it goes and draws
docs/extraction.png; the last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.at_random import pictures_at_random, vgg16_at_random
from catalog.features.extractors import Extractor, Prepared, choose, space_of
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import network_input
from catalog.features.runtimes.keras_runtime import model_of
from catalog.features.weights import Weights

BATCHES = (1, 4, 8, 16)
CHART = Path(__file__).parents[1] / "docs" / "extraction.png"

Maps = list[np.ndarray]
Way = Callable[[], Maps]


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        drawn = vgg16_at_random(Path(folder) / "vgg16.h5")
        answer: dict[str, dict[str, Any]] = {
            weights.architecture.name: network(weights, Path(folder), options.pictures, options.rounds)
            for weights in (drawn, choose("vgg16-compact", None))
        }
        answer["pipeline"] = {
            "vgg16": pipeline("vgg16", options.files // 2, drawn.path),
            "vgg16-compact": pipeline("vgg16-compact", options.files, drawn.path),
        }
    draw(answer, options.chart)
    print(json.dumps(answer))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=16, help="pictures that each runtime describes in a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts")
    parser.add_argument("--files", type=int, default=1000, help="files that are imported; half of them for VGG16")
    parser.add_argument("--chart", type=Path, default=CHART, metavar="OUT.png", help="where to draw what was found")
    return parser.parse_args()


def network(weights: Weights, folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Medians a picture, ratios, and how well the runtimes agree, for one network."""
    space = space_of(weights)
    pictures = pictures_at_random(space, count)
    ncnn = Extractor.of(
        weights, space, runtime="ncnn", cache=folder / "ncnn", threads=os.cpu_count() or 1, side_by_side=True
    )
    ways = keras_ways(weights, space.layer, pictures) | {"ncnn": lambda: ncnn.maps(pictures)}
    maps = {name: run() for name, run in ways.items()}  # loads, traces and warms up
    medians = timing.in_turn(ways, count=count, rounds=rounds)
    best = min(medians[f"tf_function_{batch}"] for batch in BATCHES)
    figures = {
        "keras_predict_ms": medians["keras_predict"],
        "tf_function_ms": best,
        "ncnn_ms": medians["ncnn"],
        "ratio_vs_predict": round(medians["keras_predict"] / medians["ncnn"], 2),
        "ratio_vs_function": round(best / medians["ncnn"], 2),
        "min_cosine": round(least_cosine(maps["keras_predict"], maps["ncnn"], space.pooling), 6),
    }
    print(weights.architecture.name, figures, flush=True)
    return figures


def keras_ways(weights: Weights, layer: str, pictures: list[Prepared]) -> dict[str, Way]:
    """`predict` one by one, and a traced function in batches of several sizes; each gives the maps of every size."""
    model = model_of(weights, layer)
    import tensorflow as tf  # after Keras, which is told to be quiet there

    function = tf.function(model)
    inputs = [network_input(np.stack(batch)) for batch in zip(*pictures, strict=True)]

    def predict() -> Maps:
        return [np.concatenate([model.predict(one[np.newaxis], verbose=0) for one in batch]) for batch in inputs]

    def traced(batch: int) -> Maps:
        starts = range(0, len(pictures), batch)
        return [
            np.concatenate([function(tf.constant(one[start : start + batch])).numpy() for start in starts])
            for one in inputs
        ]

    functions: dict[str, Way] = {f"tf_function_{batch}": lambda batch=batch: traced(batch) for batch in BATCHES}  # type: ignore[misc]
    return {"keras_predict": predict, **functions}


def least_cosine(ours: Maps, theirs: Maps, pooling: str) -> float:
    """Of the pooled descriptors of each picture at each size."""
    pool = POOLINGS[pooling]
    return min(
        float((normalised(pool(one)) * normalised(pool(other))).sum(axis=1).min())
        for one, other in zip(ours, theirs, strict=True)
    )


def pipeline(extractor: str, files: int, drawn: Path) -> dict[str, float]:
    """The rate of an import against that of the bare network, in a process of its own."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "benchmarks.importing", extractor, str(files), str(drawn)]
        environment = os.environ | {"IMAGESEARCH_DATA_DIR": data, "IMAGESEARCH_EXTRACTOR": extractor}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    print("import,", extractor, figures, flush=True)
    return figures


def draw(answer: dict[str, dict[str, Any]], path: Path) -> None:
    """How many times as fast as Keras `predict` each way is, and what an import keeps of the bare network's rate."""
    from matplotlib.figure import Figure

    networks = ("vgg16", "vgg16-compact")
    ways = {"Keras predict": "keras_predict_ms", "traced function": "tf_function_ms", "ncnn": "ncnn_ms"}
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    speeds, rates = figure.subplots(1, 2, width_ratios=[2, 1])
    for place, (label, key) in enumerate(ways.items()):
        heights = [answer[name]["keras_predict_ms"] / answer[name][key] for name in networks]
        bars = speeds.bar([at + (place - 1) * 0.27 for at in range(len(networks))], heights, 0.25, label=label)
        speeds.bar_label(bars, [f"{answer[name][key]:.3g} ms" for name in networks], fontsize=8)
    speeds.set_title("pictures a second, Keras predict = 1", fontsize=10)
    speeds.set_xticks(range(len(networks)), networks)
    speeds.set_yscale("log")
    speeds.legend(fontsize=8)
    bars = rates.bar(networks, [answer["pipeline"][name]["ratio"] for name in networks], 0.5, color="tab:green")
    rates.bar_label(bars, [f"{answer['pipeline'][name]['images_per_second']:.3g} /s" for name in networks], fontsize=8)
    rates.set_title("import, bare network = 1", fontsize=10)
    rates.set_ylim(0, 1.05)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
