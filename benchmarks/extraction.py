"""How fast pixels become descriptors: `python -m benchmarks.extraction [--pictures 16] [--rounds 3]`.

Times in turn, in one run, on the same pictures: Keras `predict` one by one, a traced TensorFlow function in its
best batch size, and ncnn; for VGG16 (weights drawn at random: speed does not ask what they mean) and the compact
network. Then, each in a process of its own, the whole import from files to searchable images against the bare
network. Prints medians and ratios as it goes; the last line is one JSON object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.weights_at_random import vgg16_at_random
from catalog.features.extractors import Extractor, choose, space_of
from catalog.features.pooling import POOLINGS, normalised
from catalog.features.preprocessing import network_input
from catalog.features.runtimes.keras_runtime import model_of
from catalog.features.weights import Weights

BATCHES = (1, 4, 8, 16)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        drawn = vgg16_at_random(Path(folder) / "vgg16.h5")
        answer: dict[str, object] = {
            weights.architecture.name: network(weights, Path(folder), options.pictures, options.rounds)
            for weights in (drawn, choose("vgg16-compact", None))
        }
        answer["pipeline"] = {
            "vgg16": pipeline("vgg16", options.files // 8, drawn.path),
            "vgg16-compact": pipeline("vgg16-compact", options.files, drawn.path),
        }
    print(json.dumps(answer))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=16, help="pictures that each runtime describes in a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--files", type=int, default=800, help="files that are imported; an eighth of them for VGG16")
    return parser.parse_args()


def network(weights: Weights, folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Medians a picture, ratios, and how well the runtimes agree, for one network."""
    space = space_of(weights)
    pictures = np.random.default_rng(0).integers(0, 256, (count, space.input_size, space.input_size, 3), np.uint8)
    predict, traced = keras_ways(weights, space.input_size, space.layer, network_input(pictures))
    options: dict[str, Any] = {"runtime": "ncnn", "cache": folder / "ncnn", "threads": os.cpu_count() or 1}
    ncnn = Extractor.of(weights, space, side_by_side=True, **options)
    ways: dict[str, Callable[[], np.ndarray]] = {"keras_predict": predict}
    ways |= {f"tf_function_{batch}": lambda batch=batch: traced(batch) for batch in BATCHES}  # type: ignore[misc]
    ways["ncnn"] = lambda: ncnn.maps(pictures)
    maps = {name: run() for name, run in ways.items()}  # loads, traces and warms up
    medians = time_in_turn(ways, count, rounds)
    best = min(medians[f"tf_function_{batch}"] for batch in BATCHES)
    described = [normalised(POOLINGS[space.pooling](maps[name])) for name in ("keras_predict", "ncnn")]
    figures = {
        "keras_predict_ms": medians["keras_predict"],
        "tf_function_ms": best,
        "ncnn_ms": medians["ncnn"],
        "ratio_vs_predict": round(medians["keras_predict"] / medians["ncnn"], 2),
        "ratio_vs_function": round(best / medians["ncnn"], 2),
        "min_cosine": round(float((described[0] * described[1]).sum(axis=1).min()), 6),
    }
    print(weights.architecture.name, figures, flush=True)
    return figures


def keras_ways(
    weights: Weights, size: int, layer: str, inputs: np.ndarray
) -> tuple[Callable[[], np.ndarray], Callable[[int], np.ndarray]]:
    """`predict` one by one, and a traced function in batches of a given size; each returns all maps."""
    model = model_of(weights, size, layer)
    import tensorflow as tf  # after Keras, which is told to be quiet there

    function = tf.function(model)

    def predict() -> np.ndarray:
        return np.concatenate([model.predict(one[np.newaxis], verbose=0) for one in inputs])

    def traced(batch: int) -> np.ndarray:
        starts = range(0, len(inputs), batch)
        return np.concatenate([function(tf.constant(inputs[start : start + batch])).numpy() for start in starts])

    return predict, traced


def time_in_turn(ways: dict[str, Callable[[], np.ndarray]], count: int, rounds: int) -> dict[str, float]:
    """The median time a picture takes each way, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / count * 1000)
    return {name: round(statistics.median(found), 2) for name, found in times.items()}


def pipeline(extractor: str, files: int, drawn: Path) -> dict[str, float]:
    """The rate of an import against that of the bare network, in a process of its own."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "benchmarks.importing", extractor, str(files), str(drawn)]
        environment = os.environ | {"IMAGESEARCH_DATA_DIR": data, "IMAGESEARCH_EXTRACTOR": extractor}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    print("import,", extractor, figures, flush=True)
    return figures


if __name__ == "__main__":
    main()
