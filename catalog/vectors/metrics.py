"""Metrics of rankings: average precision, precision at k, precision by recall, confidence intervals.

A ranking is an array, bool, … × n: whether the item at each rank is relevant, best rank first. n is at least 1. A
ranking contains all items, so that no relevant item is missing. Manning, Raghavan & Schütze 2008, "Introduction to
Information Retrieval", section 8.4: https://nlp.stanford.edu/IR-book/
"""

import numpy as np


def relevance(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether the image at each rank has the label of the query, which is left out: bool, n × (n − 1).

    Args:
        scores: of the images of a sample as queries for each other, float32, n × n; -inf for each with itself.
        labels: int64, n.
    """
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :-1]  # without the query itself
    return labels[ranked] == labels[:, np.newaxis]


def average_precision(relevant: np.ndarray) -> np.ndarray:
    """Return AP = Σₖ P(k)·rel(k) / Σₖ rel(k): float64, …; 0 if no item is relevant.

    P(k) is the precision at rank k. rel(k) is 1 if the item at rank k is relevant, and 0 otherwise.
    """
    precision = np.cumsum(relevant, axis=-1) / np.arange(1, relevant.shape[-1] + 1)
    return (precision * relevant).sum(axis=-1) / np.maximum(relevant.sum(axis=-1), 1)


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """Return P(k) = Σᵢ₌₁…ₖ rel(i) / k: float64, …. For rankings shorter than k, k is their length."""
    return relevant[..., :k].mean(axis=-1)


def interpolated_precision(relevant: np.ndarray, levels: int = 101) -> np.ndarray:
    """Return the interpolated precision, the maximum of the precision at recalls r′ ≥ r, for each recall r.

    Args:
        relevant: one ranking with at least one relevant item, bool, n.
        levels: the number of recalls r, evenly spaced from 0 to 1.

    Returns:
        float64, levels.
    """
    ranks = np.flatnonzero(relevant) + 1
    relevant_found = np.arange(1, len(ranks) + 1)
    interpolated = np.maximum.accumulate((relevant_found / ranks)[::-1])[::-1]
    # In integer arithmetic: a recall of i/(levels − 1) needs the first ⌈i·R/(levels − 1)⌉ of R relevant items.
    relevant_needed = -(-np.arange(levels) * len(ranks) // (levels - 1))
    return interpolated[np.maximum(relevant_needed, 1) - 1]


def bootstrap_interval(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the confidence interval of the mean of `values`, float, q, by the percentile bootstrap: low and high.

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13. The same values give the same interval.
    """
    rng = np.random.default_rng(seed)
    # One resample at a time, so that memory does not grow with their number.
    means = [rng.choice(values, len(values)).mean() for _ in range(resamples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
