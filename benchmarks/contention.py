"""The network on a busy machine: `python -m benchmarks.contention`.

Times the compact network on ncnn, on an idle machine and with as many busy processes as CPU cores, in two ways: one
picture after another with all threads ("together"), and several pictures in parallel with one thread each. The last
line is one JSON object of medians in milliseconds per picture.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import timing
from benchmarks.random_inputs import random_pictures
from catalog.features.extractors import Extractor, choose_weights, space_for_weights

PICTURES, ROUNDS = 25, 5


def main() -> None:
    weights = choose_weights("vgg16-compact", None)
    space = space_for_weights(weights)
    pictures = random_pictures(space, PICTURES)
    threads = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as cache:
        single_picture, parallel_pictures = (
            Extractor.from_weights(
                weights, space, runtime="ncnn", cache_dir=Path(cache), threads=threads, parallel_pictures=parallel
            )
            for parallel in (False, True)
        )
        variants = {
            "together": lambda: [single_picture.extract(pictures[index : index + 1]) for index in range(PICTURES)],
            "parallel_pictures": lambda: parallel_pictures.extract(pictures),
        }
        idle_times = timing.time_in_turn(variants, count=PICTURES, rounds=ROUNDS)
        busy_processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(threads)]
        try:
            busy_times = timing.time_in_turn(variants, count=PICTURES, rounds=ROUNDS)
        finally:
            for process in busy_processes:
                process.kill()
                process.wait()
    print(json.dumps({"free_ms": idle_times, "busy_ms": busy_times}))


if __name__ == "__main__":
    main()
