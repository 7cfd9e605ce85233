"""Whitening, compared with the formulas."""

import numpy as np
import pytest

from catalog.vectors.whitening import CHUNK_ROWS, MIN_IMAGES, Whitening, fit_whitening
from tests.vectors.conftest import DIMENSIONS, random_unit_rows


def stretched_rows(count: int, seed: int = 0, dimensions: int = DIMENSIONS) -> np.ndarray:
    """Return unit rows with a non-zero mean and different variances along the axes."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)) * np.linspace(0.02, 0.6, dimensions) + 0.4
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def fitted_whitening() -> Whitening:
    whitening = fit_whitening(stretched_rows(300))
    assert whitening is not None
    return whitening


def whiten(fitted_whitening: Whitening, rows: np.ndarray) -> np.ndarray:
    """Return P(x − μ) in float64."""
    return (rows.astype(np.float64) - fitted_whitening.mean) @ fitted_whitening.matrix.T.astype(np.float64)


def cosine_similarities(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)
    return first @ second.T / norms


def test_unwhitened_rows_are_scored_as_whitened_ones(fitted_whitening):
    queries, rows = stretched_rows(20, seed=1), stretched_rows(50, seed=2)
    expected = cosine_similarities(whiten(fitted_whitening, queries), whiten(fitted_whitening, rows))
    scales = fitted_whitening.scales(rows)
    for query, row in zip(fitted_whitening.whiten(queries), expected, strict=True):
        direction, offset = fitted_whitening.fold_into_query(query)
        np.testing.assert_allclose((rows @ direction - offset) * scales, row, atol=2e-6)
    assert expected.min() < 0
    assert expected.max() > 0.5


def test_whitened_rows_have_unit_length_and_the_direction_of_the_formula(fitted_whitening):
    rows = stretched_rows(40, seed=3)
    whitened = fitted_whitening.whiten(rows)
    assert whitened.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.diag(cosine_similarities(whitened, whiten(fitted_whitening, rows))), 1, atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
def test_axes_are_scaled_by_their_shrunk_eigenvalues(epsilon):
    rows = stretched_rows(200, dimensions=6)
    fitted = fit_whitening(rows, shrinkage=epsilon)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred / (len(rows) - 1)
    # PᵀP does not depend on the orientation of the axes: it is the inverse of the shrunk covariance.
    shrunk = covariance + epsilon * np.trace(covariance) / 6 * np.eye(6)
    np.testing.assert_allclose(fitted.matrix.T.astype(np.float64) @ fitted.matrix, np.linalg.inv(shrunk), rtol=1e-4)
    np.testing.assert_allclose(fitted.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-7)
    axis_scales = np.linalg.norm(fitted.matrix, axis=1)
    eigenvalues = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(rows) - 1)
    np.testing.assert_allclose(
        np.sort(axis_scales), np.sort(1 / np.sqrt(eigenvalues + epsilon * eigenvalues.mean())), 1e-5
    )


def test_common_components_count_for_less():
    rows = stretched_rows(300)
    whitened = fit_whitening(rows).whiten(rows)
    plain = rows @ rows.T
    assert np.median(plain) > 0.5
    assert abs(np.median(whitened @ whitened.T)) < 0.05


def test_row_equal_to_mean_scores_zero(fitted_whitening):
    rows = np.vstack([stretched_rows(3, seed=1), fitted_whitening.mean]).astype(np.float32)
    whitened = fitted_whitening.whiten(rows)
    assert not whitened[3].any()
    assert fitted_whitening.scales(rows)[3] == 0
    for query in whitened:
        direction, offset = fitted_whitening.fold_into_query(query)
        scores = (rows @ direction - offset) * fitted_whitening.scales(rows)
        assert np.isfinite(scores).all()
        assert scores[3] == 0


def test_too_few_rows_give_no_whitening():
    assert fit_whitening(stretched_rows(MIN_IMAGES - 1)) is None
    assert fit_whitening(stretched_rows(MIN_IMAGES)) is not None
    assert fit_whitening(stretched_rows(5), min_images=6) is None
    assert fit_whitening(np.empty((0, DIMENSIONS), np.float32)) is None


def test_identical_rows_give_no_whitening():
    assert fit_whitening(np.repeat(random_unit_rows(1), 200, axis=0)) is None


def test_single_different_row_gives_finite_whitening():
    rows = np.repeat(random_unit_rows(2), [199, 1], axis=0)
    fitted = fit_whitening(rows)
    assert np.isfinite(fitted.matrix).all()
    first, *_, last = fitted.whiten(rows)
    assert first @ last < 0.1


def test_more_dimensions_than_rows_are_whitened_too():
    rows = stretched_rows(MIN_IMAGES, dimensions=2 * MIN_IMAGES)
    whitened = fit_whitening(rows).whiten(rows)
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-5)


def test_scales_of_several_chunks_are_those_of_all_rows(fitted_whitening):
    rows = stretched_rows(CHUNK_ROWS + 5, seed=4)
    scales = fitted_whitening.scales(rows)
    assert (scales.dtype, scales.shape) == (np.float32, (CHUNK_ROWS + 5,))
    np.testing.assert_allclose(scales, 1 / np.linalg.norm(whiten(fitted_whitening, rows), axis=1), rtol=1e-5)
    assert fitted_whitening.scales(rows[:0]).shape == (0,)


def test_a_whitening_is_serialised_completely(fitted_whitening):
    again = Whitening.from_bytes(fitted_whitening.as_bytes())
    assert np.array_equal(again.mean, fitted_whitening.mean)
    assert np.array_equal(again.matrix, fitted_whitening.matrix)
    assert len(fitted_whitening.as_bytes()) == 4 * DIMENSIONS * (DIMENSIONS + 1)


@pytest.mark.parametrize("surplus", [b"", b"\0\0\0", b"\0\0\0\0"])
def test_bytes_of_another_length_are_rejected(fitted_whitening, surplus):
    data = fitted_whitening.as_bytes()
    with pytest.raises(ValueError, match=r"buffer size|reshape"):
        Whitening.from_bytes(data + surplus if surplus else data[:-4])
