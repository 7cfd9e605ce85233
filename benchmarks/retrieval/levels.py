"""The similarity levels, evaluated on labelled photographs."""

import numpy as np

from benchmarks.retrieval.vectors import CATALOGUE, Photographs, Vectors
from catalog.features.recipes import SCORE_LEVELS
from catalog.imaging.alterations import MILD_ALTERATIONS
from catalog.vectors import calibration
from catalog.vectors.calibration import LevelSigmas, SimilarityLevel
from catalog.vectors.neighbours.sample_scores import SampleScores, score_sample
from catalog.vectors.projections.unsupervised import fit_centring


def report(network_name: str, vectors: Vectors, photographs: Photographs) -> None:
    """Print a row for each similarity level of centred descriptors, scored as in use.

    A row has the pairs of different photographs on that level and the share of them that are of one kind, here and on
    this level or above; and the shares on this level of altered copies with their originals, and of best hits with and
    without the query's kind in the catalogue.
    """
    centring = fit_centring(vectors[CATALOGUE])
    assert centring is not None  # noqa: S101, photographs differ
    projected = {name: centring.apply(rows) for name, rows in vectors.items()}
    catalogue, labels = projected[CATALOGUE], photographs.labels
    scores = score_sample(catalogue)
    pairs = np.triu_indices(len(labels), 1)
    sigmas = LevelSigmas(*SCORE_LEVELS[network_name]) if network_name in SCORE_LEVELS else calibration.DEFAULT_SIGMAS
    fitted = calibration.calibrate(scores.plain[pairs], scores.augmented[pairs], sigmas)
    assert fitted is not None  # noqa: S101, photographs differ
    of_one_kind = labels[pairs[0]] == labels[pairs[1]]
    samples = {"pairs": SampleScores(scores.plain[pairs], scores.augmented[pairs])}
    samples |= {
        name: _of_originals(score_sample(catalogue, projected[name]), photographs.copied) for name in MILD_ALTERATIONS
    }
    samples |= {"best hit": _best(scores), "best hit without its kind": _best_of_other_kinds(catalogue, labels)}
    is_above = np.zeros(len(of_one_kind), bool)
    for level in SimilarityLevel:
        on_level = {name: _has_level(fitted, sample, level) for name, sample in samples.items()}
        is_above |= on_level["pairs"]
        row: dict[str, object] = {"level": str(level), "from": round(fitted.min_score(level), 3)}
        row["pairs"] = int(on_level["pairs"].sum())
        row["of one kind"] = _share(of_one_kind[on_level["pairs"]])
        row["of one kind, or above"] = _share(of_one_kind[is_above])
        row |= {name: _share(values) for name, values in on_level.items() if name != "pairs"}
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def _of_originals(scores: SampleScores, originals: np.ndarray) -> SampleScores:
    """Return the scores of copies with their originals: float32, c each."""
    return SampleScores(*(values[np.arange(len(originals)), originals] for values in scores))


def _best(scores: SampleScores) -> SampleScores:
    """Return the scores of the best hit of each query: float32, q each."""
    return _of_originals(scores, scores.augmented.argmax(axis=1))


def _best_of_other_kinds(catalogue: np.ndarray, labels: np.ndarray) -> SampleScores:
    """Return the scores of the best hits of images of each kind in a catalogue without that kind: float32, n each."""
    best = [_best(score_sample(catalogue[labels != kind], catalogue[labels == kind])) for kind in np.unique(labels)]
    return SampleScores(*map(np.concatenate, zip(*best, strict=True)))


def _has_level(fitted: calibration.Calibration, scores: SampleScores, level: SimilarityLevel) -> np.ndarray:
    """Return whether each pair is on a level, as `Calibration.level` says: bool."""
    levels = [fitted.level(float(score), float(own)) for own, score in zip(*scores, strict=True)]
    return np.array([value is level for value in levels])


def _share(values: np.ndarray) -> float:
    return round(float(values.mean()), 3) if len(values) else 0.0
