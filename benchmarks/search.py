"""How fast a large catalogue is searched: `python -m benchmarks.search --rows 1000000 [--dims 512] [--folder PHOTOS]`.

Builds a store of so many rows in a temporary folder, with the program's own rows, segments and rebuild, and times in
turn, query by query: NumPy and FAISS (flat, and a graph where there are few rows) over the whitened rows in memory;
this program's exact stage, its two stages, and these with a filter that one image in a hundred passes; and how long
the database takes to name those. Descriptors are real ones, mixed and perturbed: see `benchmarks.realistic`. Each power
of ten below is measured first, in a store of its own, and docs/search.png is drawn of all. The last line is one JSON
object.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.realistic import MOST_DIMENSIONS

CHART = Path(__file__).parents[1] / "docs" / "search.png"
SMALLEST = 10_000
# Of disk, beside the vectors themselves: rows of the database, codes.
BESIDE = 700
OTHER_SERVICES = {"DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "IMAGESEARCH_VECTOR_INDEX"}
WAYS = {
    "exact_numpy": "NumPy",
    "faiss_flat": "FAISS flat",
    "hnsw": "FAISS HNSW",
    "exact": "exact",
    "two_stage": "two stages",
    "filtered": "two stages, 1 % filter",
}


def main() -> None:
    options = arguments()
    sizes = [10**power for power in range(4, 10) if 10**power < options.rows]
    found = [measured(rows, options.dims, options.folder) for rows in [*sizes, options.rows]]
    draw(found, options.chart)
    print(json.dumps(answer(found[-1])))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="images in the store (100000)")
    parser.add_argument(
        "--dims", type=int, default=512, help=f"dimensions of a descriptor (512, {MOST_DIMENSIONS} at most)"
    )
    parser.add_argument(
        "--folder", type=Path, help="photographs in folders to take descriptors from, not drawn pictures"
    )
    parser.add_argument("--chart", type=Path, default=CHART, metavar="OUT.png", help="where to draw what was found")
    options = parser.parse_args()
    if options.rows < SMALLEST:
        parser.error(f"--rows is {options.rows}; it takes {SMALLEST} or more.")
    if not 2 <= options.dims <= MOST_DIMENSIONS:
        parser.error(f"--dims is {options.dims}; it takes 2 to {MOST_DIMENSIONS}.")
    if options.folder and not any(options.folder.glob("*/*")):
        parser.error(f"--folder {options.folder} holds no folders of photographs.")
    return options


def measured(rows: int, dimensions: int, folder: Path | None) -> dict[str, Any]:
    """What `benchmarks.searching` finds, in a process and a folder of its own."""
    with TemporaryDirectory() as data:
        needed, free = rows * (4 * dimensions + BESIDE), shutil.disk_usage(data).free
        if needed > free:
            raise SystemExit(f"{rows:,} rows need {needed / 1e9:.1f} GB in {data}, where {free / 1e9:.1f} GB are free.")
        environment = {name: value for name, value in os.environ.items() if name not in OTHER_SERVICES}
        command = [
            sys.executable,
            "-m",
            "benchmarks.searching",
            str(rows),
            str(dimensions),
            *[str(folder)] * bool(folder),
        ]
        done = subprocess.run(
            command, env=environment | {"IMAGESEARCH_DATA_DIR": data}, check=True, stdout=subprocess.PIPE, text=True
        )
    print(done.stdout, end="", flush=True)
    return json.loads(done.stdout.splitlines()[-1])


def answer(found: dict[str, Any]) -> dict[str, Any]:
    """What the last line tells. Where the rows do not fit into memory there is nothing to compare with: null."""

    def ratio(theirs: str) -> float | None:
        return round(found[theirs] / found["two_stage_ms"], 2) if theirs in found else None

    told = ("rows", "dims", "exact_numpy_ms", "faiss_flat_ms", "exact_ms", "two_stage_ms", "filtered_ms")
    kept = ("open_seconds", "append_to_searchable_seconds", "resident_bytes_per_row", "disk_bytes_per_row")
    return {
        **{name: found.get(name) for name in told},
        "recall_at_10": found["two_stage_recall"],
        "ratio_vs_numpy": ratio("exact_numpy_ms"),
        "ratio_vs_faiss_flat": ratio("faiss_flat_ms"),
        **{name: found[name] for name in kept},
    }


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Latency against recall, a line for each size; and against the size, a line for each way."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    recalls, sizes = figure.subplots(1, 2)
    for one in found:
        curve = one["curve"]
        recalls.plot([at["recall"] for at in curve], [at["ms"] for at in curve], "o-", label=f"{one['rows']:,} images")
    recalls.set_title("two stages, more and more candidates", fontsize=10)
    recalls.set_xlabel("recall of the ten best")
    for name, label in WAYS.items():
        points = [(one["rows"], one[f"{name}_ms"]) for one in found if f"{name}_ms" in one]
        if points:
            sizes.plot(*zip(*points, strict=True), "o-", label=label)
    sizes.set_title("latency against the size of the catalogue", fontsize=10)
    sizes.set_xlabel("images")
    sizes.set_xscale("log")
    for axes in (recalls, sizes):
        axes.set_yscale("log")
        axes.set_ylabel("ms a query")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
