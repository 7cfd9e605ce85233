"""Calibration: what a score means, relative to the scores of random pairs of the same catalogue.

Most pairs of a catalogue show different things, so that their scores are the background distribution. Scores are
cosines, which are compressed near 1. They are compared after Fisher's transformation z = artanh(score), after which
the background is approximately normal. https://en.wikipedia.org/wiki/Fisher_transformation

Whether two pictures are the same is told by their own similarity; how alike they are otherwise, by their score, in
which their neighbours take part.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

# Fewer images give too few different pairs.
MIN_IMAGES = 100


class SimilarityLevel(StrEnum):
    """How similar two pictures are. The values are stable slugs; interfaces show labels in their own words."""

    SAME = "same"
    VERY_SIMILAR = "very_similar"
    SIMILAR = "similar"
    WEAK = "weak"


@dataclass(frozen=True)
class LevelSigmas:
    """Thresholds of the levels, in spreads above the median of random pairs. They differ between networks."""

    similar: float
    very_similar: float


# For networks whose thresholds were not measured.
DEFAULT_SIGMAS = LevelSigmas(similar=8.0, very_similar=12.0)
# Of generations that do not store theirs.
FORMER_SIGMAS = LevelSigmas(similar=5.5, very_similar=6.5)
# Spreads above the median of random pairs from which two pictures count as the same one.
SAME_SIGMAS = 13.0
# Lower bound of the similarity of the same picture, for catalogues in which the scores of random pairs hardly vary.
MIN_SAME_SIMILARITY = 0.9


@dataclass(frozen=True)
class Calibration:
    """The scores of random pairs, after Fisher's transformation.

    Attributes:
        median: their median.
        spread: the distance from the 16th percentile to the median. This is the standard deviation of a normal
            distribution. The lower side is used because pairs of similar images, however many, are on the upper side.
        same_similarity: the lowest similarity of two pictures, without their neighbours, that counts as the same one.
        sigmas: the thresholds of the other levels.
    """

    median: float
    spread: float
    same_similarity: float
    sigmas: LevelSigmas = DEFAULT_SIGMAS

    def level(self, score: float, similarity: float) -> SimilarityLevel:
        """Return the similarity level of a score and of the similarity without neighbours."""
        if similarity >= self.same_similarity:
            return SimilarityLevel.SAME
        return next(
            level for level in SimilarityLevel if level is not SimilarityLevel.SAME and score >= self.min_score(level)
        )

    def min_score(self, level: SimilarityLevel) -> float:
        """Return the lowest score of `level`; -inf for WEAK, and for SAME the lowest similarity without neighbours."""
        if level is SimilarityLevel.WEAK:
            return -np.inf
        if level is SimilarityLevel.SAME:
            return self.same_similarity
        sigmas = self.sigmas.similar if level is SimilarityLevel.SIMILAR else self.sigmas.very_similar
        return float(np.tanh(self.median + sigmas * self.spread))

    def as_json(self) -> dict[str, Any]:
        """Return the attributes, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibration":
        """Return the calibration from `as_json`. Those of earlier versions have only the median and the spread."""
        median, spread = data["median"], data["spread"]
        sigmas = LevelSigmas(**data["sigmas"]) if "sigmas" in data else FORMER_SIGMAS
        return cls(median, spread, data.get("same_similarity", _same_similarity(median, spread)), sigmas)


def calibrate(similarities: np.ndarray, scores: np.ndarray, sigmas: LevelSigmas = DEFAULT_SIGMAS) -> Calibration | None:
    """Calibrate with random pairs of images. Return None if all pairs are equal.

    Args:
        similarities: of the pairs without their neighbours, float32, p.
        scores: as a search with one image scores the other, float32, p.
        sigmas: the thresholds of the levels for the network.
    """
    background, plain_background = _distribution(scores), _distribution(similarities)
    if background is None or plain_background is None:
        return None
    return Calibration(*background, _same_similarity(*plain_background), sigmas)


def _distribution(values: np.ndarray) -> tuple[float, float] | None:
    """Return the median and the spread after Fisher's transformation; None if the values do not vary."""
    transformed = np.arctanh(np.clip(values, -0.999999, 0.999999))
    percentile_16, median = np.quantile(transformed, [0.1587, 0.5])
    return (float(median), float(median - percentile_16)) if median > percentile_16 else None


def _same_similarity(median: float, spread: float) -> float:
    return max(float(np.tanh(median + SAME_SIGMAS * spread)), MIN_SAME_SIMILARITY)
