"""Calibration of scores, tested with pairs whose scores are known."""

from itertools import pairwise

import numpy as np
import pytest

from catalog.vectors import calibration
from catalog.vectors.calibration import (
    LEVEL_SIGMAS,
    MIN_IMAGES,
    MIN_SAME_SCORE,
    Calibration,
    SimilarityLevel,
    calibrate,
)

LEVELS = [SimilarityLevel.SAME, SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR, SimilarityLevel.WEAK]


def scattered_rows(count: int, seed: int = 0, *, shared: float = 0.5, dimensions: int = 64) -> np.ndarray:
    """Return unit rows with a common component: float32, count × dimensions."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)) + shared
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def cluster_rows(count: int, seed: int = 0) -> np.ndarray:
    """Return rows that hardly differ."""
    rows = scattered_rows(1, seed) + 0.02 * np.random.default_rng(seed).normal(size=(count, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_levels_are_ordered_by_score():
    score_calibration = calibrate(scattered_rows(400))
    levels = [score_calibration.level(score) for score in np.linspace(1, -1, 2001)]
    assert list(dict.fromkeys(levels)) == LEVELS
    assert [LEVELS.index(level) for level in levels] == sorted(LEVELS.index(level) for level in levels)


@pytest.mark.parametrize("score_calibration", [Calibration(0.0, 0.05), Calibration(0.2, 0.1), Calibration(1.5, 0.002)])
def test_level_starts_at_its_min_score(score_calibration):
    for level, next_level in pairwise(LEVELS):
        min_score = score_calibration.min_score(level)
        assert score_calibration.level(min_score) is level
        assert score_calibration.level(np.nextafter(min_score, -1)) is next_level
    assert score_calibration.level(score_calibration.min_score(SimilarityLevel.WEAK)) is SimilarityLevel.WEAK


def test_thresholds_are_computed_after_fishers_transformation():
    score_calibration = Calibration(0.1, 0.04)
    for level in (SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR):
        assert np.arctanh(score_calibration.min_score(level)) == pytest.approx(0.1 + LEVEL_SIGMAS[level] * 0.04)


def test_same_picture_needs_a_high_score_even_if_random_pairs_hardly_vary():
    assert Calibration(0.0, 0.01).min_score(SimilarityLevel.SAME) == MIN_SAME_SCORE
    assert Calibration(0.5, 0.2).min_score(SimilarityLevel.SAME) > MIN_SAME_SCORE


def test_identical_pictures_are_the_same_picture_and_random_pairs_are_weak_matches():
    rows = scattered_rows(300)
    score_calibration = calibrate(rows)
    assert score_calibration.level(1.0) is SimilarityLevel.SAME
    pairs = (rows @ rows.T)[np.triu_indices(300, 1)]
    assert (pairs < score_calibration.min_score(SimilarityLevel.SIMILAR)).mean() > 0.999


def test_median_and_spread_of_the_sample_are_those_of_all_pairs():
    rows = scattered_rows(300)
    pairs = np.arctanh((rows @ rows.T)[np.triu_indices(300, 1)].astype(np.float64))
    score_calibration = calibrate(rows)
    low, median = np.quantile(pairs, [0.1587, 0.5])
    assert score_calibration.median == pytest.approx(median, abs=0.005)
    assert score_calibration.spread == pytest.approx(median - low, abs=0.005)
    assert score_calibration.spread == pytest.approx(pairs.std(), rel=0.05)


def test_a_quarter_of_the_pairs_of_one_kind_hardly_changes_the_thresholds():
    rows = scattered_rows(400)
    pure = calibrate(rows)
    mixed = calibrate(np.vstack([rows[:200], cluster_rows(200)]))  # a share of (200 / 400)² of the pairs is of one kind
    assert mixed.median == pytest.approx(pure.median, abs=pure.spread)
    assert pure.spread <= mixed.spread < 2 * pure.spread
    # Mean and standard deviation would differ a lot.
    both = np.vstack([rows[:200], cluster_rows(200)])
    pairs = calibration._fisher_transform((both @ both.T)[np.triu_indices(400, 1)])
    assert pairs.std() > 5 * pure.spread
    assert mixed.level(0.99) is SimilarityLevel.SAME


def test_a_picture_is_never_paired_with_itself(monkeypatch):
    # For orthogonal rows, all scores are 0, except those of a row with itself.
    transformed = []
    monkeypatch.setattr(calibration, "_fisher_transform", lambda scores: transformed.append(scores) or scores)
    assert calibrate(np.eye(120, dtype=np.float32)) is None
    assert len(transformed[0]) == calibration.SAMPLED_PAIRS
    assert not transformed[0].any()


def test_every_picture_is_paired(monkeypatch):
    sampled = []
    monkeypatch.setattr(
        calibration, "_pair_scores", lambda rows, first, second: sampled.extend([first, second]) or np.zeros(3)
    )
    calibrate(scattered_rows(500))
    assert set(sampled[0]) == set(sampled[1]) == set(range(500))
    assert (sampled[0] != sampled[1]).all()


def test_too_few_rows_give_no_calibration():
    assert calibrate(scattered_rows(MIN_IMAGES - 1)) is None
    assert calibrate(scattered_rows(MIN_IMAGES)) is not None
    assert calibrate(np.empty((0, 0), np.float32)) is None


def test_identical_pictures_give_no_calibration():
    assert calibrate(np.repeat(scattered_rows(1), 100, axis=0)) is None


def test_opposite_and_identical_pairs_give_finite_thresholds():
    rows = np.vstack([scattered_rows(60), -scattered_rows(60), scattered_rows(60)])
    score_calibration = calibrate(rows)
    assert np.isfinite(
        [score_calibration.median, score_calibration.spread, *map(score_calibration.min_score, LEVELS[:3])]
    ).all()


def test_calibration_is_deterministic_and_can_be_stored_as_json():
    score_calibration = calibrate(scattered_rows(200))
    assert calibrate(scattered_rows(200)) == score_calibration
    assert Calibration(**score_calibration.as_json()) == score_calibration
