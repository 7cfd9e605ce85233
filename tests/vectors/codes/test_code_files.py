"""Files with the codes and scales of a segment."""

import numpy as np
import pytest

from catalog.exceptions import StoreUnavailable
from catalog.vectors.codes import code_files
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.projections.projection import CHUNK_ROWS, Projection
from catalog.vectors.projections.unsupervised import fit_whitening
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows

ENCODER = random_rotation(np.zeros(DIMENSIONS, np.float32), 32)


@pytest.fixture
def projection() -> Projection:
    return fit_whitening(random_unit_rows(200), 4.0)


@pytest.mark.parametrize("count", [1, CHUNK_ROWS + 3])
def test_each_row_has_its_code_and_its_scale(write_segment, projection, count):
    segment = write_segment(count=count)
    codes_and_scales = code_files.build_codes(segment, projection, ENCODER)
    np.testing.assert_array_equal(codes_and_scales.codes, ENCODER.encode(projection.apply(segment.vectors)))
    np.testing.assert_allclose(codes_and_scales.scales, projection.scales(segment.vectors), rtol=1e-6)


def test_written_codes_are_read_through_a_memory_map(write_segment, projection, tmp_path):
    segment = write_segment(count=9)
    codes_and_scales = code_files.build_codes(segment, projection, ENCODER)
    code_files.write(tmp_path / "key" / "one.h5", segment, codes_and_scales)
    opened = code_files.open_codes(tmp_path / "key" / "one.h5", segment)
    assert isinstance(opened.codes.base, np.memmap)
    np.testing.assert_array_equal(opened.codes, codes_and_scales.codes)
    np.testing.assert_array_equal(opened.scales, codes_and_scales.scales)


def test_missing_damaged_and_foreign_files_are_ignored(write_segment, projection, tmp_path):
    segment, other = write_segment(count=9), write_segment("other.h5", count=9, seed=1)
    path = tmp_path / "one.h5"
    assert code_files.open_codes(path, segment) is None
    code_files.write(path, segment, code_files.build_codes(segment, projection, ENCODER))
    assert code_files.open_codes(path, other) is None
    path.write_bytes(path.read_bytes()[:600])
    assert code_files.open_codes(path, segment) is None
    path.write_bytes(b"not HDF5")
    assert code_files.open_codes(path, segment) is None


def test_unwritable_path_is_reported(write_segment, projection, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    segment = write_segment()
    with pytest.raises(StoreUnavailable, match="index cannot be written"):
        code_files.write(tmp_path / "file" / "one.h5", segment, code_files.build_codes(segment, projection, ENCODER))
