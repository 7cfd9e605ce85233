"""The numbering of the rows of several segments."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours import row_index as row_index_module
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.neighbours.row_index import RowIndex


@pytest.fixture(params=["by table", "by search"], autouse=True)
def look_up(request, monkeypatch):
    """Images are looked up in a table, or where few ids are in use by binary search."""
    if request.param == "by search":
        monkeypatch.setattr(row_index_module, "MIN_DENSE_ROWS", 0)
        monkeypatch.setattr(row_index_module, "MAX_IDS_PER_ROW", 0)


@pytest.fixture
def row_index(write_segment) -> RowIndex:
    """The images 21–25, of which 22 is dead, 3, and 11–13, of which 12 is dead."""
    return RowIndex(
        [
            LiveSegment(write_segment("one.h5", first_id=21), np.array([True, False, True, True, True])),
            LiveSegment(write_segment("two.h5", count=1, first_id=3)),
            LiveSegment(write_segment("three.h5", count=3, first_id=11), np.array([True, False, True])),
        ]
    )


def test_rows_are_numbered_from_segment_to_segment(row_index):
    assert len(row_index) == 9
    assert row_index.offsets.tolist() == [0, 5, 6, 9]
    assert row_index.image_ids(np.arange(9)).tolist() == [21, 22, 23, 24, 25, 3, 11, 12, 13]
    assert row_index.image_ids(np.array([8, 0, 5, 8])).tolist() == [13, 21, 3, 13]


def test_images_are_found_in_any_order_and_shape(row_index):
    assert row_index.rows_of(np.array([[13, 3], [21, 25]])).tolist() == [[8, 5], [0, 4]]


@pytest.mark.parametrize("unknown", [0, 1, 4, 22, 12, 26, 27, 10**12, 2**32 - 1])
def test_dead_and_unknown_images_have_no_row(row_index, unknown):
    assert row_index.rows_of(np.array([unknown, 3])).tolist() == [-1, 5]


def test_an_image_in_two_segments_has_its_live_row(write_segment):
    first = LiveSegment(write_segment("one.h5"), np.array([True, False, True, True, True]))
    second = LiveSegment(write_segment("two.h5"), np.array([False, True, False, False, False]))
    assert RowIndex([first, second]).rows_of(np.array([1, 2])).tolist() == [0, 6]


def test_rows_are_split_by_segment(row_index):
    rows = np.array([8, 0, 5, 4])
    parts = list(row_index.split(rows))
    assert [number for number, _, _ in parts] == [0, 1, 2]
    assert [segment_rows.tolist() for _, _, segment_rows in parts] == [[0, 4], [0], [2]]
    for number, positions, segment_rows in parts:
        assert (row_index.offsets[number] + segment_rows).tolist() == rows[positions].tolist()


def test_an_index_is_reused_for_the_same_rows_only(write_segment):
    first, second = LiveSegment(write_segment("one.h5")), LiveSegment(write_segment("two.h5", first_id=11))
    row_index = RowIndex([first, second])
    with_lists = replace(second, neighbours=NeighbourLists.empty(5))
    assert row_index.reuse_for([first, with_lists]) is row_index
    for others in ([first], [second, first], [first, replace(second, live_mask=np.ones(5, bool))]):
        assert row_index.reuse_for(others) is not row_index
        assert len(row_index.reuse_for(others)) == 5 * len(others)


def test_no_segments_have_no_rows():
    empty = RowIndex([])
    assert len(empty) == 0
    assert empty.rows_of(np.array([0, 1, 7])).tolist() == [-1, -1, -1]
    assert list(empty.split(np.empty(0, np.int64))) == []


def test_without_live_rows_no_image_is_found(write_segment):
    all_dead = LiveSegment(write_segment("one.h5"), np.zeros(5, bool))
    assert RowIndex([all_dead]).rows_of(np.array([1, 7])).tolist() == [-1, -1]
