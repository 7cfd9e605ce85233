"""Damage of the files that are derived from segments is reported and repaired."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from catalog.models import Image, Segment
from catalog.services.index import code_cache, rebuilding, spaces, store
from catalog.services.index.live_index import INDEX, comparison_key
from catalog.services.maintenance import integrity
from catalog.vectors.segments import open_segment
from tests import indexed_images
from tests.services.index.store_helpers import ranked_ids


@pytest.fixture
def linked_images(db, monkeypatch) -> list[Image]:
    """120 images in one segment, with files of codes and neighbour lists."""
    monkeypatch.setattr(code_cache, "MIN_CACHED_ROWS", 1)
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    return images


def derived_file(find_path: Callable) -> Path:
    segment = open_segment(store.segment_path(Segment.objects.get().name))
    return find_path(comparison_key(spaces.active_generation()), segment)


def flip_byte(path: Path, array: str) -> None:
    with h5py.File(path) as file:
        at = file[array].id.get_offset()
    data = bytearray(path.read_bytes())
    data[at + 5] ^= 1
    path.write_bytes(data)


def of_derived_files(problems: list[str]) -> list[str]:
    """The images have no files; those are problems too."""
    return [problem for problem in problems if "of segment" in problem]


@pytest.mark.parametrize(
    ("find_path", "array", "message"),
    [
        (code_cache.codes_path, "codes", "The codes of segment {name} are damaged, so searches may miss images"),
        (
            code_cache.neighbours_path,
            "similarities",
            "The neighbour lists of segment {name} are damaged, so searches may rank images",
        ),
        (code_cache.neighbours_path, "image_ids", "The neighbour lists of segment {name} are damaged"),
    ],
)
def test_damage_of_derived_files_is_reported_and_repaired(linked_images, find_path, array, message):
    before, path = ranked_ids(linked_images[0]), derived_file(find_path)
    assert of_derived_files(integrity.check().problems) == []
    intact = path.read_bytes()
    flip_byte(path, array)
    report = integrity.check()
    assert report.corrupt == 1
    (problem,) = of_derived_files(report.problems)
    assert problem.startswith(message.format(name=path.name))
    repaired = integrity.repair()
    assert (repaired.corrupt, of_derived_files(repaired.problems)) == (0, [])
    INDEX.close()
    assert ranked_ids(linked_images[0]) == before
    assert path.read_bytes() == intact


@pytest.mark.parametrize("find_path", [code_cache.codes_path, code_cache.neighbours_path])
def test_missing_derived_files_are_no_problem(linked_images, find_path):
    derived_file(find_path).unlink()
    INDEX.close()
    report = integrity.check()
    assert (report.corrupt, of_derived_files(report.problems)) == (0, [])


def test_derived_files_are_checked_in_phases(linked_images):
    phases = []
    integrity.check(lambda phase, done, total: phases.append((phase, done, total)))
    assert phases[:3] == [("segments", 1, 1), ("codes", 1, 1), ("neighbour lists", 1, 1)]
