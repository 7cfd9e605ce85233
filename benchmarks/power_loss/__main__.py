"""Power losses and kills: `python -m benchmarks.power_loss --losses 50 --kills 200`.

Processes upload, import, index, merge, rebuild and delete. Some are killed at a random moment; of others the last
writes that were not synced are lost, as `disk` describes. Each next process recovers the catalogue and checks it. The
last line is one JSON object.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.power_loss.processes import Losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", type=int, default=50, help="how many power losses")
    parser.add_argument("--kills", type=int, default=200, help="how many kills")
    parser.add_argument("--seed", type=int, default=0, help="for other moments")
    arguments = parser.parse_args()
    started_at = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        losses = Losses(Path(folder), arguments.seed)
        for number in range(arguments.losses + arguments.kills):
            losses.run(kill=number >= arguments.losses)
            print(f"\r{number + 1}", end="", flush=True)
        losses.check()
    print()
    seconds = round(time.perf_counter() - started_at, 1)
    print(json.dumps({"losses": arguments.losses, "kills": arguments.kills, **losses.figures(), "seconds": seconds}))


if __name__ == "__main__":
    main()
