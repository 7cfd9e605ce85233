"""Calibration: what a score means, relative to the scores of random pairs of the same catalogue.

Most pairs of a catalogue show different things, so that their scores are the background distribution. Scores are
cosines, which are compressed near 1. They are compared after Fisher's transformation z = artanh(score), after which
the background is approximately normal. https://en.wikipedia.org/wiki/Fisher_transformation
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

# Smaller catalogues are not whitened, and LEVEL_SIGMAS was measured on whitened scores.
MIN_IMAGES = 100
SAMPLED_PAIRS = 50_000
# Pairs that are compared at a time: at most a few dozen megabytes.
CHUNK_PAIRS = 1024


class SimilarityLevel(StrEnum):
    """How similar two pictures are. The values are stable slugs; interfaces show labels in their own words."""

    SAME = "same"
    VERY_SIMILAR = "very_similar"
    SIMILAR = "similar"
    WEAK = "weak"


# Thresholds of the levels, in spreads above the median of random pairs. Measured in docs/quality.md.
LEVEL_SIGMAS = {SimilarityLevel.SAME: 13.0, SimilarityLevel.VERY_SIMILAR: 6.5, SimilarityLevel.SIMILAR: 5.5}
# Lower bound of the first threshold, for catalogues in which the scores of random pairs hardly vary.
MIN_SAME_SCORE = 0.9


@dataclass(frozen=True)
class Calibration:
    """The scores of random pairs, after Fisher's transformation.

    Attributes:
        median: their median.
        spread: the distance from the 16th percentile to the median. This is the standard deviation of a normal
            distribution. The lower side is used because pairs of similar images, however many, are on the upper side.
    """

    median: float
    spread: float

    def level(self, score: float) -> SimilarityLevel:
        """Return the similarity level of a score."""
        return next(level for level in SimilarityLevel if score >= self.min_score(level))

    def min_score(self, level: SimilarityLevel) -> float:
        """Return the lowest score of `level`; -inf for WEAK."""
        if level is SimilarityLevel.WEAK:
            return -np.inf
        min_score = float(np.tanh(self.median + LEVEL_SIGMAS[level] * self.spread))
        return max(min_score, MIN_SAME_SCORE) if level is SimilarityLevel.SAME else min_score

    def as_json(self) -> dict[str, float]:
        """Return the keyword arguments that recreate this calibration."""
        return asdict(self)


def calibrate(vectors: np.ndarray) -> Calibration | None:
    """Calibrate scores with random pairs of descriptors. Return None for too few descriptors, or if all are equal.

    The same descriptors give the same calibration.

    Args:
        vectors: descriptors as they are compared, float32, n × d, of unit length.
    """
    if len(vectors) < MIN_IMAGES:
        return None
    rng = np.random.default_rng(0)
    first = rng.integers(0, len(vectors), SAMPLED_PAIRS)
    second = (first + rng.integers(1, len(vectors), SAMPLED_PAIRS)) % len(vectors)  # never an image with itself
    scores = _fisher_transform(_pair_scores(vectors, first, second))
    percentile_16, median = np.quantile(scores, [0.1587, 0.5])
    return Calibration(float(median), float(median - percentile_16)) if median > percentile_16 else None


def _pair_scores(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the dot products of pairs of rows: float32, p."""
    chunks = (slice(start, start + CHUNK_PAIRS) for start in range(0, len(first), CHUNK_PAIRS))
    return np.concatenate([np.einsum("pd,pd->p", vectors[first[chunk]], vectors[second[chunk]]) for chunk in chunks])


def _fisher_transform(scores: np.ndarray | float) -> np.ndarray:
    return np.arctanh(np.clip(scores, -0.999999, 0.999999))
