"""The quality benchmark prints all figures of a small set of pictures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.demo.drawing import KINDS, draw_picture

PICTURES_PER_KIND = 6
KEYS = [
    *("network", "scales", "aspect", "precision", "layer", "pooling", "basis"),
    *("projection", "whiten", "learn_from"),
    *("combination", "dba", "expand", "exponent", "plain_share", "k_reciprocal", "add_mirror"),
    *("map", "p1", "p10", "q40", "half", "crop10", "turn5", "mirror"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn pictures of four kinds."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind in KINDS[:4]:
        (folder / kind).mkdir()
        for number in range(PICTURES_PER_KIND):
            draw_picture(kind, number).save(folder / kind / f"{number}.jpg")
    return folder


@pytest.fixture(scope="module")
def vectors_folder(tmp_path_factory):
    """The vectors that one run keeps for the next."""
    return tmp_path_factory.mktemp("vectors")


def run(folder: Path, vectors_folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "benchmarks.quality", str(folder), "--vectors", str(vectors_folder), *options]
    return subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=300
    ).stdout


@pytest.mark.timeout(300)  # takes minutes on a busy machine
def test_every_combination_has_a_row(folder, vectors_folder):
    rows = json.loads(run(folder, vectors_folder).splitlines()[-1])
    full_rows = [row for row in rows if "network" in row]
    assert all(list(row) == KEYS for row in full_rows)
    assert {row["combination"] for row in full_rows} >= {"plain", "DBA", "αQE", "DBA + αQE", "in_use", "k-reciprocal"}
    assert {row["projection"] for row in full_rows} == {
        *("plain", "centred", "whitened 64", "whitened 16", "whitened 4")
    }
    assert {(row["aspect"], row["pooling"]) for row in full_rows} == {
        (aspect, pooling) for aspect in ("kept", "squashed") for pooling in ("max", "mean", "gem", "rmac")
    }
    assert all(0 < row["map"] <= 1 for row in rows)
    in_use = next(row for row in full_rows if row["combination"] == "in_use")
    assert in_use["basis"] == "bundled"
    assert min(in_use[name] for name in ("q40", "half", "mirror")) == 1
    others = [row for row in rows if "network" not in row]
    assert {row["basis"] for row in others if "basis" in row} == {"none", "bundled", "other kinds"}
    assert {row["catalogue"] for row in others} >= {"half of the kinds", "4 of each kind"}
    assert len(list(vectors_folder.iterdir())) == 2


def test_what_labels_teach_is_measured(folder, vectors_folder):
    rows = json.loads(run(folder, vectors_folder, "--labels-half").splitlines()[-1])
    assert [(row["taught_kinds"], row["weight"]) for row in rows] == [
        (kinds, weight) for kinds in ("all", "half") for weight in (0, 1, 1.35, 2, 3)
    ]
    assert all("other_kinds_in_use" in row for row in rows if row["taught_kinds"] == "half")


def test_levels_are_measured(folder, vectors_folder):
    lines = run(folder, vectors_folder, "--words").splitlines()
    rows = [line.split("  ") for line in lines[1:]]
    assert [row[0] for row in rows] == ["level same", "level very_similar", "level similar", "level weak"]
    pairs = 4 * PICTURES_PER_KIND * (4 * PICTURES_PER_KIND - 1) // 2
    assert sum(int(row[2].removeprefix("pairs ")) for row in rows) == pairs
    assert "q40 1.0" in rows[0]
