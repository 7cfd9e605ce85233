"""What scores are worth, from pairs whose scores are known."""

from itertools import pairwise

import numpy as np
import pytest

from catalog.vectors import calibration
from catalog.vectors.calibration import ENOUGH, SAME_FROM, STEPS, Calibration, Likeness, calibrate

WORDS = [Likeness.SAME, Likeness.VERY, Likeness.ALIKE, Likeness.WEAK]


def scattered(count: int, seed: int = 0, *, shared: float = 0.5, dimensions: int = 64) -> np.ndarray:
    """Unit rows with a part in common: float32, count × dimensions."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)) + shared
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def of_one_kind(count: int, seed: int = 0) -> np.ndarray:
    """Rows that differ from one another by little."""
    rows = scattered(1, seed) + 0.02 * np.random.default_rng(seed).normal(size=(count, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_words_come_in_the_order_of_the_score():
    meaning = calibrate(scattered(400))
    words = [meaning.likeness(score) for score in np.linspace(1, -1, 2001)]
    assert list(dict.fromkeys(words)) == WORDS
    assert [WORDS.index(word) for word in words] == sorted(WORDS.index(word) for word in words)


@pytest.mark.parametrize("meaning", [Calibration(0.0, 0.05), Calibration(0.2, 0.1), Calibration(1.5, 0.002)])
def test_a_word_is_earned_from_its_least_score_on(meaning):
    for word, next_below in pairwise(WORDS):
        least = meaning.least(word)
        assert meaning.likeness(least) is word
        assert meaning.likeness(np.nextafter(least, -1)) is next_below
    assert meaning.likeness(meaning.least(Likeness.WEAK)) is Likeness.WEAK


def test_steps_are_taken_after_fishers_transformation():
    meaning = Calibration(0.1, 0.04)
    for word in (Likeness.VERY, Likeness.ALIKE):
        assert np.arctanh(meaning.least(word)) == pytest.approx(0.1 + STEPS[word] * 0.04)


def test_where_random_pairs_lie_close_together_the_same_picture_still_takes_a_high_score():
    assert Calibration(0.0, 0.01).least(Likeness.SAME) == SAME_FROM
    assert Calibration(0.5, 0.2).least(Likeness.SAME) > SAME_FROM


def test_identical_pictures_are_the_same_picture_and_random_pairs_are_weak():
    rows = scattered(300)
    meaning = calibrate(rows)
    assert meaning.likeness(1.0) is Likeness.SAME
    pairs = (rows @ rows.T)[np.triu_indices(300, 1)]
    assert (pairs < meaning.least(Likeness.ALIKE)).mean() > 0.999


def test_the_middle_and_the_spread_are_those_of_all_pairs():
    rows = scattered(300)
    pairs = np.arctanh((rows @ rows.T)[np.triu_indices(300, 1)].astype(np.float64))
    meaning = calibrate(rows)
    low, median = np.quantile(pairs, [0.1587, 0.5])
    assert meaning.median == pytest.approx(median, abs=0.005)
    assert meaning.spread == pytest.approx(median - low, abs=0.005)
    assert meaning.spread == pytest.approx(pairs.std(), rel=0.05)


def test_a_quarter_of_the_pairs_of_one_kind_moves_the_thresholds_by_little():
    rows = scattered(400)
    pure = calibrate(rows)
    mixed = calibrate(np.vstack([rows[:200], of_one_kind(200)]))  # of the pairs, (200 / 400)² show that kind twice
    assert mixed.median == pytest.approx(pure.median, abs=pure.spread)
    assert pure.spread <= mixed.spread < 2 * pure.spread
    # A mean and a standard deviation would be far off.
    both = np.vstack([rows[:200], of_one_kind(200)])
    pairs = calibration._transformed((both @ both.T)[np.triu_indices(400, 1)])
    assert pairs.std() > 5 * pure.spread
    assert mixed.likeness(0.99) is Likeness.SAME


def test_a_picture_is_never_paired_with_itself(monkeypatch):
    # Rows at right angles: every score is 0 but that of a row with itself.
    shown = []
    monkeypatch.setattr(calibration, "_transformed", lambda scores: shown.append(scores) or scores)
    assert calibrate(np.eye(120, dtype=np.float32)) is None
    assert len(shown[0]) == calibration.PAIRS
    assert not shown[0].any()


def test_every_picture_is_paired(monkeypatch):
    drawn = []
    monkeypatch.setattr(calibration, "_scores", lambda rows, one, other: drawn.extend([one, other]) or np.zeros(3))
    calibrate(scattered(500))
    assert set(drawn[0]) == set(drawn[1]) == set(range(500))
    assert (drawn[0] != drawn[1]).all()


def test_fewer_than_enough_say_nothing():
    assert calibrate(scattered(ENOUGH - 1)) is None
    assert calibrate(scattered(ENOUGH)) is not None
    assert calibrate(np.empty((0, 0), np.float32)) is None


def test_pictures_that_are_all_the_same_say_nothing():
    assert calibrate(np.repeat(scattered(1), 100, axis=0)) is None


def test_pairs_that_are_opposite_or_the_same_leave_finite_thresholds():
    rows = np.vstack([scattered(60), -scattered(60), scattered(60)])
    meaning = calibrate(rows)
    assert np.isfinite([meaning.median, meaning.spread, *map(meaning.least, WORDS[:3])]).all()


def test_the_same_rows_mean_the_same_every_time_and_survive_json():
    meaning = calibrate(scattered(200))
    assert calibrate(scattered(200)) == meaning
    assert Calibration(**meaning.as_json()) == meaning
