"""Files with the neighbour lists of a segment."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog.exceptions import StoreUnavailable
from catalog.vectors import hdf5
from catalog.vectors.neighbours import lists
from catalog.vectors.neighbours.lists import LIST_LENGTH, NeighbourLists


def random_lists(count: int) -> NeighbourLists:
    rng = np.random.default_rng(0)
    return NeighbourLists(
        rng.integers(1, 2**32, (count, LIST_LENGTH), dtype=np.uint32),
        rng.random((count, LIST_LENGTH)).astype(np.float16),
        rng.random(count).astype(np.float32),
    )


def test_written_lists_are_read_through_a_memory_map(write_segment, tmp_path):
    segment, written = write_segment(count=9), random_lists(9)
    lists.write(tmp_path / "key" / "one.h5", segment, written)
    opened = lists.open_lists(tmp_path / "key" / "one.h5", segment)
    for name, array in written.arrays().items():
        assert isinstance(opened.arrays()[name].base, np.memmap)
        assert opened.arrays()[name].dtype == array.dtype
        np.testing.assert_array_equal(opened.arrays()[name], array)


def test_a_copy_of_opened_lists_can_be_changed(write_segment, tmp_path):
    segment = write_segment(count=3)
    lists.write(tmp_path / "one.h5", segment, random_lists(3))
    copy = lists.open_lists(tmp_path / "one.h5", segment).copy()
    copy.image_ids[0, 0] = 7
    assert lists.open_lists(tmp_path / "one.h5", segment).image_ids[0, 0] != 7


def test_lists_are_replaced_as_a_whole(write_segment, tmp_path):
    segment, path = write_segment(count=3), tmp_path / "one.h5"
    lists.write(path, segment, random_lists(3))
    before = lists.open_lists(path, segment)
    lists.write(path, segment, NeighbourLists.empty(3))
    assert before.inverse_norms.all()  # who has the previous file open still reads it
    assert not lists.open_lists(path, segment).inverse_norms.any()


def test_empty_lists_name_nobody():
    empty = NeighbourLists.empty(2)
    assert not any(array.any() for array in empty.arrays().values())
    assert empty.image_ids.shape == empty.similarities.shape == (2, LIST_LENGTH)


def test_missing_damaged_and_foreign_files_are_ignored(write_segment, tmp_path):
    segment, other, path = write_segment(count=9), write_segment("other.h5", count=9, seed=1), tmp_path / "one.h5"
    assert lists.open_lists(path, segment) is None
    lists.write(path, segment, random_lists(9))
    assert lists.open_lists(path, other) is None
    path.write_bytes(path.read_bytes()[:600])
    assert lists.open_lists(path, segment) is None
    path.write_bytes(b"not HDF5")
    assert lists.open_lists(path, segment) is None


@pytest.mark.parametrize("name", ["image_ids", "similarities", "inverse_norms"])
def test_lists_of_another_number_of_rows_are_ignored(write_segment, tmp_path, name):
    segment, path = write_segment(count=9), tmp_path / "one.h5"
    lists.write(path, segment, random_lists(9))
    change_dataset(path, name, lambda array: array[:8])
    assert lists.open_lists(path, segment) is None


@pytest.mark.parametrize("name", ["image_ids", "similarities"])
def test_lists_of_another_length_are_ignored(write_segment, tmp_path, name):
    segment, path = write_segment(count=9), tmp_path / "one.h5"
    lists.write(path, segment, random_lists(9))
    change_dataset(path, name, lambda array: array[:, :5])
    assert lists.open_lists(path, segment) is None


def test_lists_of_another_type_are_ignored(write_segment, tmp_path):
    segment, path = write_segment(count=9), tmp_path / "one.h5"
    lists.write(path, segment, random_lists(9))
    change_dataset(path, "similarities", lambda array: array.astype(np.float32))
    assert lists.open_lists(path, segment) is None


def change_dataset(path: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    file = hdf5.read(path, ("image_ids", "similarities", "inverse_norms"))
    hdf5.write(path, {**file.arrays, name: change(file.arrays[name])}, file.attributes)


def test_a_changed_byte_is_noticed_when_a_file_is_verified(write_segment, tmp_path):
    segment, path = write_segment(count=9), tmp_path / "one.h5"
    assert not lists.is_intact(path, segment)
    lists.write(path, segment, random_lists(9))
    assert lists.is_intact(path, segment)
    with h5py.File(path) as file:
        offset = file["similarities"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[offset + 3] ^= 1
    path.write_bytes(data)
    assert lists.open_lists(path, segment) is not None  # opening reads no lists
    assert not lists.is_intact(path, segment)


def test_unwritable_path_is_reported(write_segment, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="index cannot be written"):
        lists.write(tmp_path / "file" / "one.h5", write_segment(), random_lists(5))
