"""Codes and scales beside a segment."""

import numpy as np
import pytest

from catalog.exceptions import StoreUnavailable
from catalog.vectors import derived, projection
from catalog.vectors.codes import rotated
from catalog.vectors.projection import PIECE

from .conftest import DIMENSIONS, unit_rows

CODER = rotated(DIMENSIONS, 32)


@pytest.fixture
def whitening():
    return projection.learn(unit_rows(200))


@pytest.mark.parametrize("count", [1, PIECE + 3])
def test_each_row_has_its_code_and_its_scale(written, whitening, count):
    segment = written(count=count)
    made = derived.derive(segment, whitening, CODER)
    np.testing.assert_array_equal(made.codes, CODER.encode(whitening.whitened(segment.vectors)))
    np.testing.assert_allclose(made.scales, whitening.scales(segment.vectors), rtol=1e-6)


def test_what_was_written_is_there_through_a_memory_map(written, whitening, tmp_path):
    segment = written(count=9)
    made = derived.derive(segment, whitening, CODER)
    derived.write(tmp_path / "key" / "one.h5", segment, made)
    found = derived.open_derived(tmp_path / "key" / "one.h5", segment)
    assert isinstance(found.codes, np.memmap)
    np.testing.assert_array_equal(found.codes, made.codes)
    np.testing.assert_array_equal(found.scales, made.scales)


def test_what_is_missing_damaged_or_of_another_segment_is_none(written, whitening, tmp_path):
    segment, other = written(count=9), written("other.h5", count=9, seed=1)
    path = tmp_path / "one.h5"
    assert derived.open_derived(path, segment) is None
    derived.write(path, segment, derived.derive(segment, whitening, CODER))
    assert derived.open_derived(path, other) is None
    path.write_bytes(path.read_bytes()[:600])
    assert derived.open_derived(path, segment) is None
    path.write_bytes(b"nothing")
    assert derived.open_derived(path, segment) is None


def test_a_place_that_cannot_be_written_is_told(written, whitening, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    segment = written()
    with pytest.raises(StoreUnavailable, match="index cannot be written"):
        derived.write(tmp_path / "file" / "one.h5", segment, derived.derive(segment, whitening, CODER))
