"""Centring and whitening, compared with the formulas."""

from functools import partial

import numpy as np
import pytest

from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_centring, fit_whitening
from tests.vectors.projections.stretched import stretched_rows
from tests.vectors.random_vectors import DIMENSIONS, random_unit_rows

SHRINKAGE = 4.0


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
def test_axes_are_scaled_by_their_shrunk_eigenvalues(epsilon):
    rows = stretched_rows(200, dimensions=6)
    fitted = fit_whitening(rows, epsilon)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred / (len(rows) - 1)
    # PᵀP does not depend on the orientation of the axes: it is the inverse of the shrunk covariance.
    shrunk = covariance + epsilon * np.trace(covariance) / 6 * np.eye(6)
    np.testing.assert_allclose(fitted.matrix.T.astype(np.float64) @ fitted.matrix, np.linalg.inv(shrunk), rtol=1e-4)
    np.testing.assert_allclose(fitted.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-7)


def test_strong_shrinkage_only_centres():
    rows = stretched_rows(200)
    whitened, centred = fit_whitening(rows, 1e6).apply(rows), fit_centring(rows).apply(rows)
    np.testing.assert_allclose(whitened @ whitened.T, centred @ centred.T, atol=1e-4)


def test_centring_subtracts_the_mean():
    rows = stretched_rows(200)
    fitted = fit_centring(rows)
    assert fitted.matrix is None
    np.testing.assert_allclose(fitted.mean, rows.mean(axis=0, dtype=np.float64), atol=1e-7)
    np.testing.assert_allclose(fitted.project(rows).mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("fit", [fit_centring, partial(fit_whitening, shrinkage=SHRINKAGE)])
def test_common_components_count_for_less(fit):
    rows = stretched_rows(300)
    projected = fit(rows).apply(rows)
    assert np.median(rows @ rows.T) > 0.5
    assert abs(np.median(projected @ projected.T)) < 0.05


def test_whitening_reduces_the_share_of_the_axes_that_vary_most():
    rows = stretched_rows(300)

    def share(projection: Projection) -> float:
        variances = np.sort(np.linalg.eigvalsh(np.cov(projection.project(rows), rowvar=False)))
        return float(variances[-1] / variances.sum())

    assert share(fit_whitening(rows, 0.1)) < share(fit_whitening(rows, 4.0)) < share(fit_centring(rows))


@pytest.mark.parametrize("rows", [np.repeat(random_unit_rows(1), 200, axis=0), np.empty((0, DIMENSIONS), np.float32)])
def test_equal_or_no_rows_give_no_projection(rows):
    assert fit_centring(rows) is None
    assert fit_whitening(rows, SHRINKAGE) is None


def test_single_different_row_gives_a_finite_projection():
    rows = np.repeat(random_unit_rows(2), [199, 1], axis=0)
    for fitted in (fit_centring(rows), fit_whitening(rows, SHRINKAGE)):
        first, *_, last = fitted.apply(rows)
        assert np.isfinite(fitted.project(rows)).all()
        assert first @ last < 0.1


def test_more_dimensions_than_rows_are_whitened_too():
    rows = stretched_rows(50, dimensions=100)
    whitened = fit_whitening(rows, SHRINKAGE).apply(rows)
    assert np.isfinite(whitened).all()
    np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-5)
