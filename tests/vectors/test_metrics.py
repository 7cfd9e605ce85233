"""The figures of rankings, against those computed by hand."""

import numpy as np
import pytest

from catalog.vectors import metrics


def ranking(text: str) -> np.ndarray:
    """`+..+`: relevant at ranks 1 and 4 of 4."""
    return np.array([letter == "+" for letter in text])


@pytest.mark.parametrize(
    ("marks", "by_hand"),
    [
        ("+", 1),
        ("++..", 1),
        ("..++", (1 / 3 + 2 / 4) / 2),
        ("+.+..+", (1 / 1 + 2 / 3 + 3 / 6) / 3),
        (".........+", 1 / 10),
        ("....", 0),
    ],
)
def test_average_precision_is_the_mean_of_the_precisions_at_relevant_ranks(marks, by_hand):
    assert metrics.average_precision(ranking(marks)) == pytest.approx(by_hand)


def test_many_rankings_at_once_give_what_each_gives_alone():
    rankings = np.random.default_rng(1).random((20, 30)) < 0.3
    assert metrics.average_precision(rankings).tolist() == [float(metrics.average_precision(row)) for row in rankings]
    assert metrics.precision_at(rankings, 7).tolist() == [float(metrics.precision_at(row, 7)) for row in rankings]


def test_precision_counts_the_first_ranks_alone_and_no_more_than_there_are():
    assert metrics.precision_at(ranking("+..+"), 1) == 1
    assert metrics.precision_at(ranking("+..+++"), 4) == 0.5
    assert metrics.precision_at(ranking("+..+"), 10) == 0.5


def test_interpolated_precision_is_the_best_at_this_recall_or_a_higher_one():
    # Found at ranks 2, 3 and 6: precisions 1/2, 2/3, 3/6 at recalls 1/3, 2/3, 1.
    curve = metrics.precision_by_recall(ranking(".++..+"), levels=7)
    assert curve == pytest.approx([2 / 3] * 5 + [1 / 2] * 2)
    assert metrics.precision_by_recall(ranking("+++")) == pytest.approx(np.ones(101))


def test_the_interval_holds_the_mean_and_is_the_same_every_time():
    values = np.random.default_rng(2).random(200)
    low, high = metrics.bootstrap_interval(values)
    assert low < values.mean() < high
    assert metrics.bootstrap_interval(values) == (low, high)


def test_the_interval_is_as_wide_as_the_normal_distribution_says():
    values = np.random.default_rng(3).normal(size=400)
    low, high = metrics.bootstrap_interval(values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_equal_values_leave_no_doubt():
    assert metrics.bootstrap_interval(np.full(5, 0.25)) == (0.25, 0.25)
