"""The benchmark of search tells what it is to tell."""

import json
import subprocess
import sys
from pathlib import Path

TOLD = [
    "rows",
    "dims",
    "exact_numpy_ms",
    "faiss_flat_ms",
    "exact_ms",
    "two_stage_ms",
    "filtered_ms",
    "recall_at_10",
    "ratio_vs_numpy",
    "ratio_vs_faiss_flat",
    "open_seconds",
    "append_to_searchable_seconds",
    "resident_bytes_per_row",
    "disk_bytes_per_row",
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.search", *arguments]
    return subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=300
    )


def test_a_small_store_is_measured_whole(tmp_path):
    ended = run("--rows", "10000", "--dims", "64", "--chart", str(tmp_path / "chart.png"))
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert list(told) == TOLD
    assert (told["rows"], told["dims"]) == (10_000, 64)
    assert told["recall_at_10"] >= 0.98
    assert 64 * 4 < told["disk_bytes_per_row"] < 1000
    assert None not in told.values()
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_sizes_that_cannot_be_are_refused():
    for words, why in ((("--rows", "10"), "it takes 10000 or more"), (("--dims", "5000"), "it takes 2 to 1024")):
        ended = run(*words)
        assert ended.returncode == 2
        assert why in ended.stderr
        assert "Traceback" not in ended.stderr
