"""Speed of search in a large catalogue: `python -m benchmarks.search --rows 1000000 [--dims 512] [--plot FILE]`.

Builds a store with this number of rows in a temporary folder, with the program's own database rows, segments and
rebuild. Then times, query by query and in turn: NumPy and FAISS (flat, and HNSW for few rows) on the whitened rows in
memory; the program's exact stage, its two stages, and the two stages with a filter that 1 % of the images pass; and the
database query for the ids of that filter. Descriptors are real ones, mixed and perturbed: see
`benchmarks.synthetic_descriptors`. Smaller powers of ten are measured first, each in a store of its own. The last line
is one JSON object with the figures of the largest store.
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

from benchmarks.synthetic_descriptors import MAX_DIMENSIONS

MIN_ROWS = 10_000
# Disk space for each row in addition to its vector: database rows and codes.
EXTRA_BYTES_PER_ROW = 700
CLEARED_VARIABLES = {"DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "IMAGESEARCH_VECTOR_INDEX"}
VARIANT_LABELS = {
    "exact_numpy": "NumPy",
    "faiss_flat": "FAISS flat",
    "hnsw": "FAISS HNSW",
    "exact": "exact",
    "two_stage": "two stages",
    "filtered": "two stages, 1 % filter",
}


def main() -> None:
    options = parse_arguments()
    sizes = [10**power for power in range(4, 10) if 10**power < options.rows]
    measured = [measure_store(rows, options.dims, options.folder) for rows in [*sizes, options.rows]]
    if options.plot:
        plot(measured, options.plot)
    print(json.dumps(summary(measured[-1])))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="images in the store (100000)")
    parser.add_argument(
        "--dims", type=int, default=512, help=f"dimensions of a descriptor (512, at most {MAX_DIMENSIONS})"
    )
    parser.add_argument(
        "--folder", type=Path, help="folders of photographs for the descriptors, instead of generated pictures"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a chart of the results to this PNG file")
    options = parser.parse_args()
    if options.rows < MIN_ROWS:
        parser.error(f"--rows is {options.rows}, but must be at least {MIN_ROWS}.")
    if not 2 <= options.dims <= MAX_DIMENSIONS:
        parser.error(f"--dims is {options.dims}, but must be 2 to {MAX_DIMENSIONS}.")
    if options.folder and not any(options.folder.glob("*/*")):
        parser.error(f"--folder {options.folder} contains no folders with photographs.")
    return options


def measure_store(rows: int, dimensions: int, folder: Path | None) -> dict[str, Any]:
    """Run `benchmarks.search_store` in a separate process with a temporary data folder, and return its figures."""
    with TemporaryDirectory() as data:
        needed, free = rows * (2 * dimensions + EXTRA_BYTES_PER_ROW), shutil.disk_usage(data).free
        if needed > free:
            raise SystemExit(
                f"{rows:,} rows need {needed / 1e9:.1f} GB in {data}, but only {free / 1e9:.1f} GB are free."
            )
        environment = {name: value for name, value in os.environ.items() if name not in CLEARED_VARIABLES}
        command = [
            sys.executable,
            "-m",
            "benchmarks.search_store",
            str(rows),
            str(dimensions),
            *[str(folder)] * bool(folder),
        ]
        completed = subprocess.run(
            command, env=environment | {"IMAGESEARCH_DATA_DIR": data}, check=True, stdout=subprocess.PIPE, text=True
        )
    print(completed.stdout, end="", flush=True)
    return json.loads(completed.stdout.splitlines()[-1])


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the last line. Baselines are null if the rows do not fit into memory."""

    def ratio(theirs: str) -> float | None:
        return round(figures[theirs] / figures["two_stage_ms"], 2) if theirs in figures else None

    timings = (
        "rows",
        "dims",
        "exact_numpy_ms",
        "faiss_flat_ms",
        "exact_ms",
        "two_stage_ms",
        "two_stage_plain_ms",
        "filtered_ms",
    )
    costs = (
        "rebuild_seconds",
        "graph_seconds",
        "open_seconds",
        "append_to_searchable_seconds",
        "resident_bytes_per_row",
        "disk_bytes_per_row",
    )
    return {
        **{name: figures.get(name) for name in timings},
        "recall_at_10": figures["two_stage_recall"],
        "ratio_vs_numpy": ratio("exact_numpy_ms"),
        "ratio_vs_faiss_flat": ratio("faiss_flat_ms"),
        **{name: figures.get(name) for name in costs},
    }


def plot(measured: list[dict[str, Any]], path: Path) -> None:
    """Plot latency by recall, with a line for each size, and latency by size, with a line for each method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    recalls, sizes = figure.subplots(1, 2)
    for figures in measured:
        curve = figures["curve"]
        recalls.plot(
            [point["recall"] for point in curve],
            [point["ms"] for point in curve],
            "o-",
            label=f"{figures['rows']:,} images",
        )
    recalls.set_title("Two stages, with different numbers of candidates", fontsize=10)
    recalls.set_xlabel("recall at 10")
    for name, label in VARIANT_LABELS.items():
        points = [(figures["rows"], figures[f"{name}_ms"]) for figures in measured if f"{name}_ms" in figures]
        if points:
            sizes.plot(*zip(*points, strict=True), "o-", label=label)
    sizes.set_title("Latency by catalogue size", fontsize=10)
    sizes.set_xlabel("images")
    sizes.set_xscale("log")
    for axes in (recalls, sizes):
        axes.set_yscale("log")
        axes.set_ylabel("ms per query")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
