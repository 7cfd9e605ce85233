"""Damaged index files: `python -m benchmarks.mutated_segments --count 10000`.

Changes single bytes of segments, codes and neighbour lists, or cuts their ends off, in a small catalogue. After each
change a process searches, as the first page after a start does, and checks the index; now and then it repairs it, which
extracts the lost descriptors again. The last line is one JSON object. `died` counts processes that ended; `reported`
and `unreported` are counted by kind of file.
"""

import argparse
import json
import os
import tempfile
import time

from benchmarks.mutated_segments.processes import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="how many changes")
    parser.add_argument("--repair-every", type=int, default=250, help="repair the catalogue after so many changes")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first change")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IMAGESEARCH_DATA_DIR"] = folder
        started_at = time.perf_counter()
        figures = run(range(arguments.seed, arguments.seed + arguments.count), arguments.repair_every)
        figures["seconds"] = round(time.perf_counter() - started_at, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
