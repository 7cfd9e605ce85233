"""The search benchmark prints all figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.demo.drawing import KINDS, draw_picture

PICTURES_PER_KIND = 4

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
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=500
    )


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of few pictures: most of the time is spent on extracting descriptors."""
    for kind in KINDS:
        folder = tmp_path / "photographs" / kind
        folder.mkdir(parents=True)
        for number in range(PICTURES_PER_KIND):
            draw_picture(kind, number).save(folder / f"{number}.jpg")
    return tmp_path / "photographs"


@pytest.mark.timeout(600)
def test_all_figures_of_a_small_store_are_measured(photographs, tmp_path):
    plot_path = tmp_path / "plot.png"
    completed = run("--rows", "10000", "--dims", "64", "--folder", str(photographs), "--plot", str(plot_path))
    assert completed.returncode == 0, completed.stderr
    body = json.loads(completed.stdout.splitlines()[-1])
    assert list(body) == EXPECTED_KEYS
    assert (body["rows"], body["dims"]) == (10_000, 64)
    assert body["recall_at_10"] >= 0.95
    assert 64 * 2 < body["disk_bytes_per_row"] < 1000
    assert None not in body.values()
    assert plot_path.read_bytes().startswith(b"\x89PNG")


def test_invalid_sizes_are_rejected():
    for options, message in (
        (("--rows", "10"), "must be at least 10000"),
        (("--dims", "5000"), "must be 2 to 1280"),
    ):
        completed = run(*options)
        assert completed.returncode == 2
        assert message in completed.stderr
        assert "Traceback" not in completed.stderr
