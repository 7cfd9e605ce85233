"""Segments are written whole or not at all, and what happens to one is told."""

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog.exceptions import SegmentDamaged, StoreUnavailable
from catalog.vectors import segments
from catalog.vectors.arrays import PAGE
from catalog.vectors.segments import open_segment, verify

from .conftest import DIMENSIONS, unit_rows


def test_what_is_read_is_what_was_written(written):
    segment = written(count=7)
    assert np.array_equal(segment.vectors, unit_rows(7))
    assert segment.vectors.dtype == np.float32
    assert segment.image_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert segment.digests.tobytes() == bytes(i % 256 for i in range(7 * 32))
    assert segment.space == '{"extractor": "test"}'
    assert len(segment) == 7


def test_vectors_are_memory_mapped_and_cannot_be_written_to(written):
    segment = written()
    assert isinstance(segment.vectors, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        segment.vectors[0, 0] = 0


def test_datasets_are_contiguous_and_begin_on_a_page(written):
    with h5py.File(written(count=100).path) as file:
        for name in ("vectors", "image_ids", "digests"):
            assert file[name].chunks is None
            assert file[name].id.get_offset() % PAGE == 0


def test_a_segment_that_was_not_touched_is_verified(written):
    segment = written()
    assert verify(segment.path, segment.checksum).checksum == segment.checksum


@pytest.mark.parametrize("dataset", ["vectors", "image_ids", "digests"])
def test_a_flipped_byte_of_any_dataset_is_found_by_verifying(written, dataset):
    segment = written()
    with h5py.File(segment.path) as file:
        offset = file[dataset].id.get_offset()
    flip(segment.path, offset + 3)
    with pytest.raises(SegmentDamaged, match=r"The segment one\.h5 is damaged: its content has changed"):
        verify(segment.path, segment.checksum)


def test_another_whole_segment_in_its_place_is_found_by_verifying(written):
    segment, other = written(), written("two.h5", seed=1)
    other.path.replace(segment.path)
    with pytest.raises(SegmentDamaged, match="its content has changed"):
        verify(segment.path, segment.checksum)


def test_a_truncated_segment_is_refused_wherever_it_ends(written):
    segment = written(count=50)
    whole = segment.path.read_bytes()
    for length in (0, 1, 100, PAGE, len(whole) // 2, len(whole) - 1):
        segment.path.write_bytes(whole[:length])
        with pytest.raises(SegmentDamaged, match=r"The segment one\.h5 is damaged: .+\."):
            open_segment(segment.path)


def test_a_missing_segment_is_told_as_missing(tmp_path):
    with pytest.raises(SegmentDamaged, match=r"^The segment gone\.h5 is missing\.$"):
        open_segment(tmp_path / "gone.h5")


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("not at all " * 1000)
    with pytest.raises(SegmentDamaged, match=r"The segment text\.h5 is damaged"):
        open_segment(tmp_path / "text.h5")


def test_an_hdf5_file_of_another_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["vectors"] = np.zeros((3, DIMENSIONS))
    with pytest.raises(SegmentDamaged, match=r"The segment foreign\.h5 is damaged"):
        open_segment(tmp_path / "foreign.h5")


def test_a_segment_of_another_format_is_named_with_its_format(written):
    path = written().path
    with h5py.File(path, "a") as file:
        file.attrs["format"] = "imagesearch segment 99"
    with pytest.raises(SegmentDamaged, match="its format is 'imagesearch segment 99'"):
        open_segment(path)


def test_chunked_datasets_are_refused(written):
    path = written().path
    with h5py.File(path, "a") as file:
        rows = file["vectors"][()]
        del file["vectors"]
        file.create_dataset("vectors", data=rows, chunks=(1, DIMENSIONS))
    with pytest.raises(SegmentDamaged, match="not contiguous"):
        open_segment(path)


def test_datasets_of_different_lengths_are_refused(written):
    path = written().path
    with h5py.File(path, "a") as file:
        del file["image_ids"]
        file["image_ids"] = np.arange(4)
    with pytest.raises(SegmentDamaged, match="differ in length"):
        open_segment(path)


def test_a_folder_in_a_segments_place_is_refused(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(SegmentDamaged, match=r"folder\.h5"):
        open_segment(tmp_path / "folder.h5")


def test_a_write_that_fails_leaves_nothing_behind(written, tmp_path, monkeypatch):
    written()
    before = files_below(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match=r"cannot be written .*No space left on device.*Free some space"):
        written("two.h5")
    assert files_below(tmp_path) == before


def test_a_place_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=re.escape(str(tmp_path / "file" / "one.h5"))):
        segments.write(
            tmp_path / "file" / "one.h5",
            space="{}",
            vectors=unit_rows(1),
            image_ids=np.array([1]),
            digests=np.zeros((1, 32), np.uint8),
        )


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}
