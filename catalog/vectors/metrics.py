"""How good rankings are, by which of their items are relevant.

A ranking is given as bool, … × n: whether the item at each rank is relevant, best rank first. n is 1 or more, and
everything that was to be ranked stands in it, so that no relevant item is missing. Manning, Raghavan & Schütze 2008,
"Introduction to Information Retrieval", section 8.4: https://nlp.stanford.edu/IR-book/
"""

import numpy as np


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """AP = Σₖ P(k)·rel(k) / Σₖ rel(k), exact: float64, …; 0 where nothing is relevant.

    P(k) is the precision at rank k, rel(k) is 1 where the item at rank k is relevant and else 0.
    """
    precision = np.cumsum(relevant, axis=-1) / np.arange(1, relevant.shape[-1] + 1)
    return (precision * relevant).sum(axis=-1) / np.maximum(relevant.sum(axis=-1), 1)


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """P(k) = Σᵢ₌₁…ₖ rel(i) / k: float64, …; of rankings shorter than k, their whole length counts."""
    return relevant[..., :k].mean(axis=-1)


def precision_by_recall(relevant: np.ndarray, levels: int = 101) -> np.ndarray:
    """The interpolated precision p(r) = max over recalls r′ ≥ r of the precision at r′: float64, `levels`.

    Args:
        relevant: bool, n: one ranking, with one relevant item at least.
        levels: how many recalls r, from 0 to 1 at equal distances.
    """
    ranks = np.flatnonzero(relevant) + 1
    found = np.arange(1, len(ranks) + 1)
    best = np.maximum.accumulate((found / ranks)[::-1])[::-1]
    # In whole numbers: a recall of i/(levels − 1) takes the first ⌈i·R/(levels − 1)⌉ relevant items.
    needed = -(-np.arange(levels) * len(ranks) // (levels - 1))
    return best[np.maximum(needed, 1) - 1]


def bootstrap_interval(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Where the mean of `values`, float, q, lies: the percentile interval of means of resamples, low and high.

    The same values give the same interval. Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    chance = np.random.default_rng(seed)
    # One resample at a time, so that memory does not grow with their number.
    means = [chance.choice(values, len(values)).mean() for _ in range(resamples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
