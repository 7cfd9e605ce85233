"""Whitening, against the plain formulas."""

import numpy as np
import pytest

from catalog.vectors.projection import ENOUGH, PIECE, Projection, learn
from tests.vectors.conftest import DIMENSIONS, unit_rows


def stretched(count: int, seed: int = 0, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Unit rows about a mean that is not nought, and further apart along some axes than along others."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)) * np.linspace(0.02, 0.6, dimensions) + 0.4
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def projection() -> Projection:
    learned = learn(stretched(300))
    assert learned is not None
    return learned


def turned(projection: Projection, rows: np.ndarray) -> np.ndarray:
    """P(x − μ) in 64 bits."""
    return (rows.astype(np.float64) - projection.mean) @ projection.matrix.T.astype(np.float64)


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(ours, axis=1)[:, None] * np.linalg.norm(theirs, axis=1)
    return ours @ theirs.T / lengths


def test_raw_rows_are_compared_as_whitened_ones_would_be(projection):
    queries, rows = stretched(20, seed=1), stretched(50, seed=2)
    expected = cosines(turned(projection, queries), turned(projection, rows))
    scales = projection.scales(rows)
    for query, row in zip(projection.whitened(queries), expected, strict=True):
        direction, offset = projection.unfolded(query)
        np.testing.assert_allclose((rows @ direction - offset) * scales, row, atol=2e-6)
    assert expected.min() < 0
    assert expected.max() > 0.5


def test_whitened_rows_have_unit_length_and_point_where_the_formula_says(projection):
    rows = stretched(40, seed=3)
    whitened = projection.whitened(rows)
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.diag(cosines(whitened, turned(projection, rows))), 1, atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
def test_axes_are_stretched_by_their_shrunk_eigenvalues(epsilon):
    rows = stretched(200, dimensions=6)
    learned = learn(rows, shrinkage=epsilon)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred / (len(rows) - 1)
    # PᵀP is the same whichever way the axes point: the inverse of the shrunk covariance.
    shrunk = covariance + epsilon * np.trace(covariance) / 6 * np.eye(6)
    np.testing.assert_allclose(learned.matrix.T.astype(np.float64) @ learned.matrix, np.linalg.inv(shrunk), rtol=1e-4)
    np.testing.assert_allclose(learned.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-7)
    along = np.linalg.norm(learned.matrix, axis=1)
    eigenvalues = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(rows) - 1)
    np.testing.assert_allclose(np.sort(along), np.sort(1 / np.sqrt(eigenvalues + epsilon * eigenvalues.mean())), 1e-5)


def test_what_most_pictures_share_counts_for_less():
    rows = stretched(300)
    whitened = learn(rows).whitened(rows)
    plain = rows @ rows.T
    assert np.median(plain) > 0.5
    assert abs(np.median(whitened @ whitened.T)) < 0.05


def test_a_row_that_equals_the_mean_has_no_likeness_and_is_no_nan(projection):
    rows = np.vstack([stretched(3, seed=1), projection.mean]).astype(np.float32)
    whitened = projection.whitened(rows)
    assert not whitened[3].any()
    assert projection.scales(rows)[3] == 0
    for query in whitened:
        direction, offset = projection.unfolded(query)
        scores = (rows @ direction - offset) * projection.scales(rows)
        assert np.isfinite(scores).all()
        assert scores[3] == 0


def test_fewer_than_enough_teach_nothing():
    assert learn(stretched(ENOUGH - 1)) is None
    assert learn(stretched(ENOUGH)) is not None
    assert learn(stretched(5), enough=6) is None
    assert learn(np.empty((0, DIMENSIONS), np.float32)) is None


def test_rows_that_are_all_the_same_teach_nothing():
    assert learn(np.repeat(unit_rows(1), 200, axis=0)) is None


def test_one_row_that_differs_teaches_something_finite():
    rows = np.repeat(unit_rows(2), [199, 1], axis=0)
    learned = learn(rows)
    assert np.isfinite(learned.matrix).all()
    first, *_, last = learned.whitened(rows)
    assert first @ last < 0.1


def test_more_dimensions_than_rows_are_whitened_too():
    rows = stretched(ENOUGH, dimensions=2 * ENOUGH)
    whitened = learn(rows).whitened(rows)
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-5)


def test_many_rows_are_measured_in_pieces_without_a_seam(projection):
    rows = stretched(PIECE + 5, seed=4)
    scales = projection.scales(rows)
    assert (scales.dtype, scales.shape) == (np.float32, (PIECE + 5,))
    np.testing.assert_allclose(scales, 1 / np.linalg.norm(turned(projection, rows), axis=1), rtol=1e-5)
    assert projection.scales(rows[:0]).shape == (0,)


def test_a_projection_survives_its_bytes(projection):
    again = Projection.from_bytes(projection.as_bytes())
    assert np.array_equal(again.mean, projection.mean)
    assert np.array_equal(again.matrix, projection.matrix)
    assert len(projection.as_bytes()) == 4 * DIMENSIONS * (DIMENSIONS + 1)


@pytest.mark.parametrize("surplus", [b"", b"\0\0\0", b"\0\0\0\0"])
def test_bytes_of_another_length_are_no_projection(projection, surplus):
    data = projection.as_bytes()
    with pytest.raises(ValueError, match=r"buffer size|reshape"):
        Projection.from_bytes(data + surplus if surplus else data[:-4])
