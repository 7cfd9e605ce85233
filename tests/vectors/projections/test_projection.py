"""Projections, compared with the formula x ↦ P(x − μ)."""

import numpy as np
import pytest

from catalog.vectors.projections.projection import CHUNK_ROWS, Projection
from tests.vectors.projections.stretched import stretched_rows
from tests.vectors.random_vectors import DIMENSIONS

OTHER_DIMENSIONS = 7


@pytest.fixture(params=["centring", "same dimensions", "fewer dimensions"])
def projection(request) -> Projection:
    mean = stretched_rows(300).mean(axis=0)
    rng = np.random.default_rng(0)
    counts = {"same dimensions": DIMENSIONS, "fewer dimensions": OTHER_DIMENSIONS}
    if request.param == "centring":
        return Projection(mean)
    return Projection(mean, rng.normal(size=(counts[request.param], DIMENSIONS)).astype(np.float32))


def project(projection: Projection, rows: np.ndarray) -> np.ndarray:
    """Return P(x − μ) in float64."""
    centred = rows.astype(np.float64) - projection.mean
    return centred if projection.matrix is None else centred @ projection.matrix.T.astype(np.float64)


def cosine_similarities(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)
    return first @ second.T / norms


def test_stored_rows_are_compared_as_projected_ones(projection):
    queries, rows = stretched_rows(20, seed=1), stretched_rows(50, seed=2)
    expected = cosine_similarities(project(projection, queries), project(projection, rows))
    directions, offsets = projection.fold_into_queries(projection.apply(queries))
    assert (directions.shape, offsets.shape) == ((20, DIMENSIONS), (20,))
    found = (rows @ directions.T - offsets) * projection.scales(rows)[:, np.newaxis]
    np.testing.assert_allclose(found, expected.T, atol=5e-6)
    assert expected.min() < 0
    assert expected.max() > 0.5


def test_projected_rows_have_unit_length_and_the_direction_of_the_formula(projection):
    rows = stretched_rows(40, seed=3)
    projected = projection.apply(rows)
    assert projected.dtype == np.float32
    assert projected.shape == (40, projection.dimensions)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.diag(cosine_similarities(projected, project(projection, rows))), 1, atol=1e-6)
    np.testing.assert_allclose(projection.project(rows), project(projection, rows), atol=1e-5)


def test_float16_rows_are_projected_as_their_float32_values(projection):
    rows = stretched_rows(9).astype(np.float16)
    np.testing.assert_array_equal(projection.apply(rows), projection.apply(rows.astype(np.float32)))


def test_row_equal_to_mean_scores_zero(projection):
    rows = np.vstack([stretched_rows(3, seed=1), projection.mean]).astype(np.float32)
    projected = projection.apply(rows)
    assert not projected[3].any()
    assert projection.scales(rows)[3] == 0
    directions, offsets = projection.fold_into_queries(projected)
    scores = (rows @ directions.T - offsets) * projection.scales(rows)[:, np.newaxis]
    assert np.isfinite(scores).all()
    assert not scores[3].any()


def test_scales_of_several_chunks_are_those_of_all_rows(projection):
    rows = stretched_rows(CHUNK_ROWS + 5, seed=4)
    scales = projection.scales(rows)
    assert (scales.dtype, scales.shape) == (np.float32, (CHUNK_ROWS + 5,))
    np.testing.assert_allclose(scales, 1 / np.linalg.norm(project(projection, rows), axis=1), rtol=1e-5)
    assert projection.scales(rows[:0]).shape == (0,)


def test_a_projection_is_serialised_completely(projection):
    again = Projection.from_bytes(projection.as_bytes())
    assert np.array_equal(again.mean, projection.mean)
    assert (again.matrix is None) == (projection.matrix is None)
    assert again.matrix is None or np.array_equal(again.matrix, projection.matrix)
    assert again.dimensions == projection.dimensions


@pytest.mark.parametrize("surplus", [b"", b"\0\0\0", b"\0\0\0\0"])
def test_bytes_of_another_length_are_rejected(projection, surplus):
    data = projection.as_bytes()
    with pytest.raises(ValueError, match=r"buffer size|reshape"):
        Projection.from_bytes(data + surplus if surplus else data[:-4])
