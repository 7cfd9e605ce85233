"""The network on a busy machine: `python -m benchmarks.contention`.

Times the bundled network on OpenVINO, on an idle machine and with as many busy processes as CPU cores, in two ways: one
picture after another with all threads ("together"), and several pictures in parallel with one thread each. The last
line is one JSON object of medians in milliseconds per picture.
"""

import json
import os
import subprocess
import sys

from benchmarks import timing
from benchmarks.random_inputs import random_pictures
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network

PICTURES, ROUNDS = 25, 5


def main() -> None:
    network = efficientnet_lite2_network()
    space = space_for_network(network)
    pictures = random_pictures(space, PICTURES)
    threads = os.cpu_count() or 1
    single_picture, parallel_pictures = (
        Extractor.from_network(network, space, runtime="openvino", threads=threads, parallel_pictures=parallel)
        for parallel in (False, True)
    )
    variants = {
        "together": lambda: [single_picture.extract(pictures[index : index + 1]) for index in range(PICTURES)],
        "parallel_pictures": lambda: parallel_pictures.extract(pictures),
    }
    for run in variants.values():
        run()  # loads the network
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
