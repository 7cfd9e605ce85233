"""What a score is worth: set against the scores of random pairs of the same catalogue.

Most pairs of a catalogue show different things, so that their scores tell what likeness by chance looks like. Scores
are cosines, which crowd near 1: they are compared after Fisher's transformation, z = artanh(score), in which the
distances of unlike pairs are about normal. https://en.wikipedia.org/wiki/Fisher_transformation
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

# Fewer images than this are compared as they are, and the steps below were measured on whitened scores.
ENOUGH = 100
PAIRS = 50_000
# Pairs that are compared at once: a few dozen megabytes at most.
PIECE = 1024


class Likeness(StrEnum):
    """How much two pictures are alike, in a word."""

    SAME = "same picture"
    VERY = "very alike"
    ALIKE = "alike"
    WEAK = "weak"


# So many spreads above the middle of random pairs. Measured in docs/quality.md.
STEPS = {Likeness.SAME: 13.0, Likeness.VERY: 6.5, Likeness.ALIKE: 5.5}
# Where random pairs lie so close together that the first step is a small one, two pictures are still not the same.
SAME_FROM = 0.9


@dataclass(frozen=True)
class Calibration:
    """The scores of random pairs, after Fisher's transformation.

    Attributes:
        median: the middle of them.
        spread: how far below it the 16th percentile lies, which of a normal distribution is the standard deviation.
            Below, since pairs of one kind, however many there are, lie above.
    """

    median: float
    spread: float

    def likeness(self, score: float) -> Likeness:
        """The word for a score."""
        return next(word for word in Likeness if score >= self.least(word))

    def least(self, word: Likeness) -> float:
        """The lowest score that earns `word`."""
        if word is Likeness.WEAK:
            return -np.inf
        least = float(np.tanh(self.median + STEPS[word] * self.spread))
        return max(least, SAME_FROM) if word is Likeness.SAME else least

    def as_json(self) -> dict[str, float]:
        """What `Calibration(**…)` takes."""
        return asdict(self)


def calibrate(vectors: np.ndarray) -> Calibration | None:
    """What random pairs of these descriptors say; None where they are too few, or all the same.

    Args:
        vectors: float32, n × d, of unit length, as they are compared.
    """
    if len(vectors) < ENOUGH:
        return None
    chance = np.random.default_rng(0)
    first = chance.integers(0, len(vectors), PAIRS)
    second = (first + chance.integers(1, len(vectors), PAIRS)) % len(vectors)  # never the same picture twice
    scores = _transformed(_scores(vectors, first, second))
    low, median = np.quantile(scores, [0.1587, 0.5])
    return Calibration(float(median), float(median - low)) if median > low else None


def _scores(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The products of these pairs of rows: float32, p."""
    pieces = (slice(start, start + PIECE) for start in range(0, len(first), PIECE))
    return np.concatenate([np.einsum("pd,pd->p", vectors[first[some]], vectors[second[some]]) for some in pieces])


def _transformed(scores: np.ndarray | float) -> np.ndarray:
    return np.arctanh(np.clip(scores, -0.999999, 0.999999))
