"""Projections that labels teach."""

import numpy as np
import pytest

from catalog.vectors import metrics
from catalog.vectors.projections.discriminants import SHRINKAGE, fit_discriminants
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_centring

ROWS, DIMENSIONS = 200, 8
LABELS = np.arange(ROWS) % 2


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows of two labels, which differ along the first axis and vary a lot along all others."""
    values = np.random.default_rng(0).normal(size=(ROWS, DIMENSIONS))
    values[:, 0] = 0.3 * values[:, 0] + 2 * LABELS
    return (values + 3).astype(np.float32)


def mean_average_precision(projection: Projection, rows: np.ndarray, labels: np.ndarray) -> float:
    projected = projection.apply(rows)
    similarities = projected @ projected.T
    np.fill_diagonal(similarities, -np.inf)
    ranked = np.argsort(-similarities, axis=1)[:, :-1]
    return float(metrics.average_precision(labels[ranked] == labels[:, np.newaxis]).mean())


def test_labels_improve_the_ranking_of_other_rows(rows):
    centring = fit_centring(rows)
    fitted = fit_discriminants(rows[:100], LABELS[:100], centring.mean)
    projections = [centring, *map(fitted.projection, (1, 2, 4))]
    quality = [mean_average_precision(projection, rows[100:], LABELS[100:]) for projection in projections]
    assert quality == sorted(quality)
    assert quality[1] > quality[0] + 0.01
    assert quality[-1] > quality[1] + 0.1


def test_weight_1_whitens_within_labels(rows):
    mean = rows.mean(axis=0)
    fitted = fit_discriminants(rows, LABELS, mean).projection(1)
    residuals = rows.astype(np.float64)
    for label in (0, 1):
        residuals[label == LABELS] -= residuals[label == LABELS].mean(axis=0)
    within = residuals.T @ residuals / ROWS
    shrunk = within + SHRINKAGE * np.trace(within) / DIMENSIONS * np.eye(DIMENSIONS)
    np.testing.assert_allclose(
        fitted.matrix.T.astype(np.float64) @ fitted.matrix, np.linalg.inv(shrunk), rtol=1e-4, atol=1e-5
    )
    assert np.array_equal(fitted.mean, mean)


def test_the_weight_lengthens_only_the_component_along_the_discriminant_directions(rows):
    fitted = fit_discriminants(rows, LABELS, rows.mean(axis=0))
    plain, heavier = fitted.projection(1), fitted.projection(3)
    means = np.stack([rows[label == LABELS].mean(axis=0) for label in (0, 1)])
    direction = np.diff(plain.project(means), axis=0)[0]
    direction /= np.linalg.norm(direction)
    before, after = plain.project(rows), heavier.project(rows)
    np.testing.assert_allclose(after @ direction, 3 * (before @ direction), rtol=1e-3, atol=1e-3)
    across = np.eye(DIMENSIONS) - np.outer(direction, direction)
    np.testing.assert_allclose(after @ across, before @ across, atol=1e-3)


def test_labels_may_be_any_numbers(rows):
    mean = rows.mean(axis=0)
    first, second = (fit_discriminants(rows, labels, mean) for labels in (LABELS, LABELS * 70 + 13))
    np.testing.assert_array_equal(first.projection(2).matrix, second.projection(2).matrix)


def test_the_discriminant_directions_are_orthonormal_and_one_less_than_the_labels(rows):
    labels = np.arange(ROWS) % 5
    directions = fit_discriminants(rows, labels, rows.mean(axis=0)).directions
    np.testing.assert_allclose(directions @ directions.T, np.eye(4), atol=1e-5)


def test_rows_of_the_labels_that_taught_are_more_distinct_than_others(rows):
    fitted = fit_discriminants(rows[:100], LABELS[:100], rows.mean(axis=0))
    others = np.random.default_rng(1).normal(size=(100, DIMENSIONS)) + rows.mean(axis=0)
    others[:, 0] = rows[:, 0].mean()  # between the two labels
    distinctness = fitted.distinctness(rows[100:])
    assert ((distinctness >= 0) & (distinctness <= 1 + 1e-6)).all()
    assert np.median(distinctness) > 2 * np.median(fitted.distinctness(others.astype(np.float32)))


def test_a_row_equal_to_the_mean_is_not_distinct(rows):
    mean = rows.mean(axis=0)
    assert fit_discriminants(rows, LABELS, mean).distinctness(mean[np.newaxis]).tolist() == [0]
