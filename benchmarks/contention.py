"""What a busy machine does to the network: `python -m benchmarks.contention`.

Times the compact network on ncnn in two ways, free and with as many busy processes beside it as there are
processors: one picture after another with all threads together, and side by side with one thread each. The last
line is one JSON object of medians in milliseconds a picture.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import timing
from benchmarks.at_random import pictures_at_random
from catalog.features.extractors import Extractor, choose, space_of

PICTURES, ROUNDS = 25, 5


def main() -> None:
    weights = choose("vgg16-compact", None)
    space = space_of(weights)
    pictures = pictures_at_random(space, PICTURES)
    threads = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as cache:
        options: dict[str, Any] = {"runtime": "ncnn", "cache": Path(cache), "threads": threads}
        together = Extractor.of(weights, space, **options)
        side_by_side = Extractor.of(weights, space, side_by_side=True, **options)
        ways = {
            "together": lambda: [together.describe(pictures[at : at + 1]) for at in range(PICTURES)],
            "side_by_side": lambda: side_by_side.describe(pictures),
        }
        free = timing.in_turn(ways, count=PICTURES, rounds=ROUNDS)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(threads)]
        try:
            crowded = timing.in_turn(ways, count=PICTURES, rounds=ROUNDS)
        finally:
            for process in busy:
                process.kill()
                process.wait()
    print(json.dumps({"free_ms": free, "busy_ms": crowded}))


if __name__ == "__main__":
    main()
