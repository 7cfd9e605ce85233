"""Segments are written atomically, and damage is detected and reported."""

import os
import re
from contextlib import suppress
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
from tests.vectors import headerless_files
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
    assert isinstance(segment.vectors.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        segment.vectors[0, 0] = 0


def test_other_programs_find_contiguous_and_page_aligned_datasets(write_segment):
    segment = write_segment(count=100)
    with h5py.File(segment.path) as file:
        assert file.attrs["format"] == b"imagesearch segment 3"
        assert np.array_equal(file["vectors"][:], segment.vectors)
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
    with pytest.raises(
        SegmentDamaged, match=r"The segment one\.h5 is damaged: its (content|image ids) ha(s|ve) changed"
    ):
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
    headerless_files.rewrite_as_old(path)
    with h5py.File(path, "a") as file:
        file.attrs["format"] = "imagesearch segment 99"
    with pytest.raises(SegmentDamaged, match="its format is 'imagesearch segment 99'"):
        open_segment(path)


@pytest.mark.parametrize(("version", "dtype"), [(1, np.float32), (2, np.float16)])
def test_segments_of_earlier_versions_are_read_without_libhdf5(write_segment, monkeypatch, version, dtype):
    old = headerless_files.rewrite_as_old(write_segment(count=7).path, version)
    monkeypatch.setattr(h5py, "File", lambda *args, **options: pytest.fail("libhdf5 reads the file"))
    segment = verify(old.path, old.checksum)
    assert segment.vectors.dtype == dtype
    assert np.array_equal(segment.vectors, random_unit_rows(7).astype(np.float16))
    assert segment.image_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert segment.space == '{"extractor": "test"}'


def test_verification_detects_a_changed_byte_in_a_segment_of_an_earlier_version(write_segment):
    old = headerless_files.rewrite_as_old(write_segment().path)
    flip_byte(old.path, old.path.read_bytes().index(old.digests.tobytes()))
    with pytest.raises(SegmentDamaged, match="its content has changed"):
        verify(old.path, old.checksum)


def test_segments_of_all_formats_are_ranked_together(write_segment):
    segments = [write_segment(f"{number}.h5", count=7, first_id=1 + 100 * number) for number in range(3)]
    old = [headerless_files.rewrite_as_old(segment.path, version) for version, segment in enumerate(segments[1:], 1)]
    snapshot = Snapshot("all", [LiveSegment(segment) for segment in (segments[0], *old)])
    for number, row in enumerate(random_unit_rows(7), start=1):
        ranking = exact.rank(snapshot, ExpandedQuery(row), limit=3)
        assert set(ranking.image_ids.tolist()) == {number, 100 + number, 200 + number}
        assert ranking.scores.tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_vectors_are_rounded_to_the_nearest_float16_numbers(write_segment):
    error = np.abs(write_segment(count=100).vectors.astype(np.float64) - random_unit_rows(100))
    assert (error <= np.abs(random_unit_rows(100)) * 2.0**-11 + 2.0**-25).all()


def test_chunked_datasets_are_rejected(write_segment):
    path = headerless_files.rewrite_as_old(write_segment().path).path
    with h5py.File(path, "a") as file:
        rows = file["vectors"][()]
        del file["vectors"]
        file.create_dataset("vectors", data=rows, chunks=(1, DIMENSIONS))
    with pytest.raises(SegmentDamaged, match="not contiguous"):
        open_segment(path)


def test_datasets_of_different_lengths_are_rejected(write_segment):
    path = headerless_files.rewrite_as_old(write_segment().path).path
    with h5py.File(path, "a") as file:
        del file["image_ids"]
        file["image_ids"] = np.arange(4)
    with pytest.raises(SegmentDamaged, match="differ in length"):
        open_segment(path)


def test_a_changed_image_id_is_noticed_when_the_segment_is_opened(write_segment):
    segment = write_segment(count=3)
    flip_byte(segment.path, segment.path.read_bytes().index(segment.image_ids.tobytes()))
    with pytest.raises(SegmentDamaged, match="its image ids have changed"):
        open_segment(segment.path)


def test_bytes_after_the_end_are_noticed_when_the_segment_is_opened(write_segment):
    path = write_segment().path
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(SegmentDamaged, match=r"bytes instead of"):
        open_segment(path)


def test_a_description_longer_than_a_page_fits_into_the_header(tmp_path):
    space = "x" * 3 * PAGE_BYTES
    segments.write(
        tmp_path / "one.h5",
        space=space,
        vectors=random_unit_rows(1),
        image_ids=np.array([1]),
        digests=np.zeros((1, 32), np.uint8),
    )
    assert open_segment(tmp_path / "one.h5").space == space


def test_every_change_of_a_byte_is_noticed_by_the_digest_of_the_file(write_segment):
    """And opening a damaged file raises nothing else."""
    segment, rng = write_segment(count=3), np.random.default_rng(0)
    data, digest = segment.path.read_bytes(), hdf5.compute_digest(segment.path)
    for at in [*range(0, 2000, 7), *rng.integers(0, len(data), 200).tolist()]:
        segment.path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        with suppress(SegmentDamaged):
            open_segment(segment.path)
        with pytest.raises(SegmentDamaged):
            verify(segment.path, segment.checksum, digest)


def test_any_change_of_a_segment_of_an_earlier_version_raises_no_other_error(write_segment):
    path = headerless_files.rewrite_as_old(write_segment(count=3).path).path
    data = path.read_bytes()
    for at in range(0, 9000, 13):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        with suppress(SegmentDamaged):
            verify(path)


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
