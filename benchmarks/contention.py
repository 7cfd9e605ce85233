"""What a busy machine does to the network: `python -m benchmarks.contention`.

Times the compact network on ncnn in two ways, free and with as many busy processes beside it as there are
processors: one picture after another with all threads together, and side by side with one thread each. The last
line is one JSON object of medians in milliseconds a picture.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from catalog.features.extractors import Extractor, choose, space_of

PICTURES, ROUNDS = 25, 5


def main() -> None:
    weights = choose("vgg16-compact", None)
    space = space_of(weights)
    pictures = np.random.default_rng(0).integers(0, 256, (PICTURES, space.input_size, space.input_size, 3), np.uint8)
    threads = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as cache:
        options: dict[str, Any] = {"runtime": "ncnn", "cache": Path(cache), "threads": threads}
        together = Extractor.of(weights, space, **options)
        side_by_side = Extractor.of(weights, space, side_by_side=True, **options)
        ways = {
            "together": lambda: [together.describe(pictures[at : at + 1]) for at in range(PICTURES)],
            "side_by_side": lambda: side_by_side.describe(pictures),
        }
        free = time_in_turn(ways)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(threads)]
        try:
            crowded = time_in_turn(ways)
        finally:
            for process in busy:
                process.kill()
                process.wait()
    print(json.dumps({"free_ms": free, "busy_ms": crowded}))


def time_in_turn(ways: dict) -> dict[str, float]:
    """The median time a picture takes each way, in milliseconds."""
    rounds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, describe in ways.items():
            began = time.perf_counter()
            describe()
            rounds[name].append((time.perf_counter() - began) / PICTURES * 1000)
    return {name: round(statistics.median(times), 2) for name, times in rounds.items()}


if __name__ == "__main__":
    main()
