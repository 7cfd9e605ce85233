"""Segments are written atomically, and damage is detected and reported."""

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog.exceptions import SegmentDamaged, StoreUnavailable
from catalog.vectors import exact, hdf5, segments
from catalog.vectors.hdf5 import PAGE_BYTES
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.segments import open_segment, verify
from catalog.vectors.snapshot import LiveSegment, Snapshot
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows


def test_a_segment_is_read_as_it_was_written(write_segment):
    segment = write_segment(count=7)
    assert segment.vectors.dtype == np.float16
    assert np.array_equal(segment.vectors, random_unit_rows(7).astype(np.float16))
    assert segment.image_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert segment.digests.tobytes() == bytes(i % 256 for i in range(7 * 32))
    assert segment.space == '{"extractor": "test"}'
    assert len(segment) == 7


def test_vectors_are_memory_mapped_and_read_only(write_segment):
    segment = write_segment()
    assert isinstance(segment.vectors, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        segment.vectors[0, 0] = 0


def test_datasets_are_contiguous_and_page_aligned(write_segment):
    with h5py.File(write_segment(count=100).path) as file:
        for name in ("vectors", "image_ids", "digests"):
            assert file[name].chunks is None
            assert file[name].id.get_offset() % PAGE_BYTES == 0


def test_an_unchanged_segment_is_verified(write_segment):
    segment = write_segment()
    assert verify(segment.path, segment.checksum).checksum == segment.checksum


@pytest.mark.parametrize("dataset", ["vectors", "image_ids", "digests"])
def test_verification_detects_a_changed_byte_in_any_dataset(write_segment, dataset):
    segment = write_segment()
    with h5py.File(segment.path) as file:
        offset = file[dataset].id.get_offset()
    flip_byte(segment.path, offset + 3)
    with pytest.raises(SegmentDamaged, match=r"The segment one\.h5 is damaged: its content has changed"):
        verify(segment.path, segment.checksum)


def test_verification_detects_another_intact_segment_in_its_place(write_segment):
    segment, other = write_segment(), write_segment("two.h5", seed=1)
    other.path.replace(segment.path)
    with pytest.raises(SegmentDamaged, match="its content has changed"):
        verify(segment.path, segment.checksum)


def test_a_truncated_segment_is_rejected_wherever_it_ends(write_segment):
    segment = write_segment(count=50)
    data = segment.path.read_bytes()
    for length in (0, 1, 100, PAGE_BYTES, len(data) // 2, len(data) - 1):
        segment.path.write_bytes(data[:length])
        with pytest.raises(SegmentDamaged, match=r"The segment one\.h5 is damaged: .+\."):
            open_segment(segment.path)


def test_a_missing_segment_is_reported_as_missing(tmp_path):
    with pytest.raises(SegmentDamaged, match=r"^The segment gone\.h5 is missing\.$"):
        open_segment(tmp_path / "gone.h5")


def test_a_file_that_is_not_hdf5_is_rejected(tmp_path):
    (tmp_path / "text.h5").write_text("not at all " * 1000)
    with pytest.raises(SegmentDamaged, match=r"The segment text\.h5 is damaged"):
        open_segment(tmp_path / "text.h5")


def test_an_hdf5_file_of_another_program_is_rejected(tmp_path):
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["vectors"] = np.zeros((3, DIMENSIONS))
    with pytest.raises(SegmentDamaged, match=r"The segment foreign\.h5 is damaged"):
        open_segment(tmp_path / "foreign.h5")


def test_a_segment_of_another_format_is_named_with_its_format(write_segment):
    path = write_segment().path
    with h5py.File(path, "a") as file:
        file.attrs["format"] = "imagesearch segment 99"
    with pytest.raises(SegmentDamaged, match="its format is 'imagesearch segment 99'"):
        open_segment(path)


def test_a_segment_of_format_1_has_float32_vectors(write_segment, tmp_path):
    current = write_segment(count=7)
    with h5py.File(current.path) as file:
        assert file.attrs["format"] == "imagesearch segment 2"
    datasets = {"vectors": random_unit_rows(7), "image_ids": current.image_ids, "digests": current.digests}
    attributes = {"format": "imagesearch segment 1", "space": current.space}
    checksum = hdf5.write(tmp_path / "old.h5", datasets, attributes)
    segment = verify(tmp_path / "old.h5", checksum)
    assert segment.vectors.dtype == np.float32
    assert np.array_equal(segment.vectors, random_unit_rows(7))


def test_segments_of_both_formats_are_ranked_together(write_segment, tmp_path):
    current = write_segment(count=7)
    datasets = {"vectors": random_unit_rows(7), "image_ids": current.image_ids + 100, "digests": current.digests}
    hdf5.write(tmp_path / "old.h5", datasets, {"format": "imagesearch segment 1", "space": current.space})
    snapshot = Snapshot("both", [LiveSegment(open_segment(tmp_path / "old.h5")), LiveSegment(current)])
    for number, row in enumerate(random_unit_rows(7), start=1):
        ranking = exact.rank(snapshot, ExpandedQuery(row), limit=2)
        assert set(ranking.image_ids.tolist()) == {number, 100 + number}
        assert ranking.scores.tolist() == pytest.approx([1, 1], abs=1e-3)


def test_vectors_are_rounded_to_the_nearest_float16_numbers(write_segment):
    error = np.abs(write_segment(count=100).vectors.astype(np.float64) - random_unit_rows(100))
    assert (error <= np.abs(random_unit_rows(100)) * 2.0**-11 + 2.0**-25).all()


def test_chunked_datasets_are_rejected(write_segment):
    path = write_segment().path
    with h5py.File(path, "a") as file:
        rows = file["vectors"][()]
        del file["vectors"]
        file.create_dataset("vectors", data=rows, chunks=(1, DIMENSIONS))
    with pytest.raises(SegmentDamaged, match="not contiguous"):
        open_segment(path)


def test_datasets_of_different_lengths_are_rejected(write_segment):
    path = write_segment().path
    with h5py.File(path, "a") as file:
        del file["image_ids"]
        file["image_ids"] = np.arange(4)
    with pytest.raises(SegmentDamaged, match="differ in length"):
        open_segment(path)


def test_a_folder_instead_of_a_segment_is_rejected(tmp_path):
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(SegmentDamaged, match=r"folder\.h5"):
        open_segment(tmp_path / "folder.h5")


def test_a_failed_write_leaves_no_files(write_segment, tmp_path, monkeypatch):
    write_segment()
    before = files_below(tmp_path)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreUnavailable, match=r"cannot be written .*No space left on device.*Free some space"):
        write_segment("two.h5")
    assert files_below(tmp_path) == before


def test_a_parent_that_is_not_a_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=re.escape(str(tmp_path / "file" / "one.h5"))):
        segments.write(
            tmp_path / "file" / "one.h5",
            space="{}",
            vectors=random_unit_rows(1),
            image_ids=np.array([1]),
            digests=np.zeros((1, 32), np.uint8),
        )


def flip_byte(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}
