"""The search benchmark prints all figures."""

import json
import subprocess
import sys
from pathlib import Path

EXPECTED_KEYS = [
    "rows",
    "dims",
    "exact_numpy_ms",
    "faiss_flat_ms",
    "exact_ms",
    "two_stage_ms",
    "two_stage_plain_ms",
    "filtered_ms",
    "recall_at_10",
    "ratio_vs_numpy",
    "ratio_vs_faiss_flat",
    "rebuild_seconds",
    "graph_seconds",
    "open_seconds",
    "append_to_searchable_seconds",
    "resident_bytes_per_row",
    "disk_bytes_per_row",
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.search", *arguments]
    return subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=300
    )


def test_all_figures_of_a_small_store_are_measured(tmp_path):
    completed = run("--rows", "10000", "--dims", "64", "--plot", str(tmp_path / "plot.png"))
    assert completed.returncode == 0, completed.stderr
    body = json.loads(completed.stdout.splitlines()[-1])
    assert list(body) == EXPECTED_KEYS
    assert (body["rows"], body["dims"]) == (10_000, 64)
    assert body["recall_at_10"] >= 0.98
    assert 64 * 2 < body["disk_bytes_per_row"] < 1000
    assert None not in body.values()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_invalid_sizes_are_rejected():
    for options, message in (
        (("--rows", "10"), "must be at least 10000"),
        (("--dims", "5000"), "must be 2 to 1280"),
    ):
        completed = run(*options)
        assert completed.returncode == 2
        assert message in completed.stderr
        assert "Traceback" not in completed.stderr
