"""Metrics of rankings, compared with values computed by hand."""

import numpy as np
import pytest

from catalog.vectors import metrics


def parse_ranking(text: str) -> np.ndarray:
    """`+..+`: relevant at ranks 1 and 4 of 4."""
    return np.array([letter == "+" for letter in text])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+", 1),
        ("++..", 1),
        ("..++", (1 / 3 + 2 / 4) / 2),
        ("+.+..+", (1 / 1 + 2 / 3 + 3 / 6) / 3),
        (".........+", 1 / 10),
        ("....", 0),
    ],
)
def test_average_precision_is_the_mean_of_the_precisions_at_relevant_ranks(text, expected):
    assert metrics.average_precision(parse_ranking(text)) == pytest.approx(expected)


def test_several_rankings_at_once_give_the_same_as_each_alone():
    rankings = np.random.default_rng(1).random((20, 30)) < 0.3
    assert metrics.average_precision(rankings).tolist() == [float(metrics.average_precision(row)) for row in rankings]
    assert metrics.precision_at(rankings, 7).tolist() == [float(metrics.precision_at(row, 7)) for row in rankings]


def test_precision_at_k_uses_the_first_k_ranks_or_all_of_a_shorter_ranking():
    assert metrics.precision_at(parse_ranking("+..+"), 1) == 1
    assert metrics.precision_at(parse_ranking("+..+++"), 4) == 0.5
    assert metrics.precision_at(parse_ranking("+..+"), 10) == 0.5


def test_interpolated_precision_is_the_maximum_at_this_or_a_higher_recall():
    # Relevant at ranks 2, 3 and 6: precisions 1/2, 2/3, 3/6 at recalls 1/3, 2/3, 1.
    curve = metrics.interpolated_precision(parse_ranking(".++..+"), levels=7)
    assert curve == pytest.approx([2 / 3] * 5 + [1 / 2] * 2)
    assert metrics.interpolated_precision(parse_ranking("+++")) == pytest.approx(np.ones(101))


def test_the_interval_contains_the_mean_and_is_deterministic():
    values = np.random.default_rng(2).random(200)
    low, high = metrics.bootstrap_interval(values)
    assert low < values.mean() < high
    assert metrics.bootstrap_interval(values) == (low, high)


def test_the_width_of_the_interval_is_that_of_a_normal_distribution():
    values = np.random.default_rng(3).normal(size=400)
    low, high = metrics.bootstrap_interval(values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_equal_values_give_zero_width_interval():
    assert metrics.bootstrap_interval(np.full(5, 0.25)) == (0.25, 0.25)
