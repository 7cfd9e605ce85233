"""Calibration of scores, tested with pairs whose scores are known."""

import json
from itertools import pairwise

import numpy as np
import pytest

from catalog.vectors.calibration import (
    DEFAULT_SIGMAS,
    FORMER_SIGMAS,
    MIN_SAME_SIMILARITY,
    SAME_SIGMAS,
    Calibration,
    LevelSigmas,
    SimilarityLevel,
    calibrate,
)
from tests.vectors.random_vectors import unit_rows

LEVELS = [SimilarityLevel.SAME, SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR, SimilarityLevel.WEAK]
COUNT = 300
SIGMAS = LevelSigmas(similar=4.0, very_similar=6.0)
CALIBRATIONS = [
    Calibration(0.0, 0.05, 0.9),
    Calibration(0.2, 0.1, 0.93, SIGMAS),
    Calibration(1.5, 0.002, 0.95, FORMER_SIGMAS),
]


def scattered_rows(count: int = COUNT, seed: int = 0, *, shared: float = 0.5, dimensions: int = 64) -> np.ndarray:
    """Return unit rows with a common component: float32, count × dimensions."""
    return unit_rows(np.random.default_rng(seed).normal(size=(count, dimensions)) + shared)


def cluster_rows(count: int, seed: int = 0) -> np.ndarray:
    """Return rows that hardly differ."""
    return unit_rows(scattered_rows(1, seed) + 0.02 * np.random.default_rng(seed).normal(size=(count, 64)))


def all_pairs(rows: np.ndarray) -> np.ndarray:
    """Return the similarities of all pairs of different rows."""
    return (rows @ rows.T)[np.triu_indices(len(rows), 1)]


def with_neighbours(similarities: np.ndarray) -> np.ndarray:
    """Return scores as high as the similarities, or higher."""
    return np.maximum(similarities, np.float32(0.5) * similarities + np.float32(0.3))


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_levels_are_ordered_by_score_and_similarity(calibration):
    values = np.linspace(1, -1, 2001)
    levels = [calibration.level(value, value) for value in values]
    assert [LEVELS.index(level) for level in levels] == sorted(LEVELS.index(level) for level in levels)
    assert levels[0] is SimilarityLevel.SAME
    assert levels[-1] is SimilarityLevel.WEAK


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_level_of_different_pictures_starts_at_its_min_score(calibration):
    for level, next_level in pairwise(LEVELS[1:]):
        min_score = calibration.min_score(level)
        assert calibration.level(min_score, 0.0) is level
        assert calibration.level(np.nextafter(min_score, -1), 0.0) is next_level
    assert calibration.level(-1.0, 0.0) is SimilarityLevel.WEAK
    assert calibration.min_score(SimilarityLevel.WEAK) == -np.inf


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_the_same_picture_is_told_by_its_own_similarity_and_not_by_its_neighbours(calibration):
    same = calibration.same_similarity
    assert calibration.level(1.0, same) is SimilarityLevel.SAME
    assert calibration.level(1.0, np.nextafter(same, -1)) is SimilarityLevel.VERY_SIMILAR
    assert calibration.min_score(SimilarityLevel.SAME) == same


def test_thresholds_are_computed_after_fishers_transformation():
    calibration = Calibration(0.1, 0.04, 0.9, SIGMAS)
    assert np.arctanh(calibration.min_score(SimilarityLevel.SIMILAR)) == pytest.approx(0.1 + 4 * 0.04)
    assert np.arctanh(calibration.min_score(SimilarityLevel.VERY_SIMILAR)) == pytest.approx(0.1 + 6 * 0.04)


def test_thresholds_of_the_network_are_used_and_kept():
    pairs = all_pairs(scattered_rows(100))
    assert calibrate(pairs, pairs).sigmas == DEFAULT_SIGMAS
    calibration = calibrate(pairs, pairs, SIGMAS)
    assert calibration.sigmas == SIGMAS
    assert calibration.min_score(SimilarityLevel.SIMILAR) < calibrate(pairs, pairs).min_score(SimilarityLevel.SIMILAR)


def test_same_picture_needs_a_high_similarity_even_if_random_pairs_hardly_vary():
    similar_rows = scattered_rows(shared=0.0, dimensions=4000)
    narrow = calibrate(all_pairs(similar_rows), all_pairs(similar_rows))
    assert narrow.same_similarity == MIN_SAME_SIMILARITY
    wide_pairs = all_pairs(scattered_rows(shared=1.0, dimensions=12))
    wide = calibrate(wide_pairs, wide_pairs)
    low, median = np.quantile(np.arctanh(wide_pairs), [0.1587, 0.5])
    assert wide.same_similarity == pytest.approx(np.tanh(median + SAME_SIGMAS * (median - low)), abs=1e-4)
    assert wide.same_similarity > MIN_SAME_SIMILARITY


def test_identical_pictures_are_the_same_picture_and_random_pairs_are_weak_matches():
    pairs = all_pairs(scattered_rows())
    calibration = calibrate(pairs, pairs)
    assert calibration.level(1.0, 1.0) is SimilarityLevel.SAME
    assert (pairs < calibration.min_score(SimilarityLevel.SIMILAR)).mean() > 0.999


def test_median_and_spread_are_those_of_the_scores():
    pairs = all_pairs(scattered_rows())
    scores = with_neighbours(pairs)
    calibration = calibrate(pairs, scores)
    transformed = np.arctanh(scores.astype(np.float64))
    low, median = np.quantile(transformed, [0.1587, 0.5])
    assert calibration.median == pytest.approx(median, abs=1e-4)
    assert calibration.spread == pytest.approx(median - low, abs=1e-4)


def test_the_same_picture_is_calibrated_with_the_similarities():
    pairs = all_pairs(scattered_rows(shared=1.0, dimensions=12))
    calibration, plain = calibrate(pairs, with_neighbours(pairs)), calibrate(pairs, pairs)
    assert calibration.same_similarity == plain.same_similarity
    assert calibration.median > plain.median


def test_a_quarter_of_the_pairs_of_one_kind_hardly_changes_the_thresholds():
    rows = scattered_rows(400)
    mixed_rows = np.vstack([rows[:200], cluster_rows(200)])  # a share of (200 / 400)² of the pairs is of one kind
    pure, mixed = (calibrate(pairs, pairs) for pairs in (all_pairs(rows), all_pairs(mixed_rows)))
    assert mixed.median == pytest.approx(pure.median, abs=pure.spread)
    assert pure.spread <= mixed.spread < 2 * pure.spread
    # Mean and standard deviation would differ a lot.
    assert np.arctanh(all_pairs(mixed_rows).clip(-0.999999, 0.999999)).std() > 5 * pure.spread
    assert mixed.level(0.99, 0.99) is SimilarityLevel.SAME


def test_pairs_that_do_not_vary_give_no_calibration():
    varying, equal = all_pairs(scattered_rows(50)), np.full(1225, 0.5, np.float32)
    assert calibrate(varying, varying) is not None
    assert calibrate(equal, equal) is None
    assert calibrate(varying, equal) is None
    assert calibrate(equal, varying) is None


def test_opposite_and_identical_pairs_give_finite_thresholds():
    pairs = all_pairs(np.vstack([scattered_rows(60), -scattered_rows(60), scattered_rows(60)]))
    assert pairs.max() >= 0.999999
    calibration = calibrate(pairs, pairs)
    values = [calibration.median, calibration.spread, *map(calibration.min_score, LEVELS[:3])]
    assert np.isfinite(values).all()


def test_a_calibration_can_be_stored_as_json():
    pairs = all_pairs(scattered_rows(100))
    calibration = calibrate(pairs, with_neighbours(pairs), SIGMAS)
    assert Calibration.from_json(json.loads(json.dumps(calibration.as_json()))) == calibration


def test_a_calibration_of_an_earlier_version_keeps_its_thresholds():
    earlier = Calibration.from_json({"median": 0.2, "spread": 0.15})
    assert (earlier.median, earlier.spread, earlier.sigmas) == (0.2, 0.15, FORMER_SIGMAS)
    assert earlier.same_similarity == pytest.approx(np.tanh(0.2 + SAME_SIGMAS * 0.15))
    assert Calibration.from_json({"median": 0.0, "spread": 0.01}).same_similarity == MIN_SAME_SIMILARITY
