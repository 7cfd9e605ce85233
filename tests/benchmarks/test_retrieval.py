"""Ways to rank, which the quality benchmark compares."""

import numpy as np
import pytest

from benchmarks.retrieval.catalogues import make_basis, teaching_rows
from benchmarks.retrieval.rankings import PLAIN, RANKING_IN_USE, Ranking, average_precisions, k_reciprocal_scores
from catalog.vectors.neighbours.sample_scores import score_sample
from tests.indexed_images import normalise

KINDS, PER_KIND, DIMENSIONS = 10, 12, 24
LABELS = np.repeat(np.arange(KINDS), PER_KIND)


@pytest.fixture(scope="module")
def rows():
    """Overlapping clusters, which differ most along directions that say nothing about the kind."""
    rng = np.random.default_rng(0)
    spreads = np.where(np.arange(DIMENSIONS) < DIMENSIONS - 4, 0.8, 2)
    vectors = rng.normal(size=(KINDS, DIMENSIONS))[LABELS] + spreads * rng.normal(size=(len(LABELS), DIMENSIONS))
    return normalise(vectors - vectors.mean(axis=0))


@pytest.mark.parametrize("with_queries", [False, True])
def test_formula_with_the_parameters_in_use_gives_the_scores_in_use(rows, with_queries):
    formula = Ranking("formula", **{k: v for k, v in vars(RANKING_IN_USE).items() if k != "combination"})
    queries = normalise(rows[:5] + 0.01) if with_queries else None
    np.testing.assert_allclose(formula.scores(rows, queries), score_sample(rows, queries).augmented, atol=1e-5)


def test_neighbours_rank_better_than_plain_similarity(rows):
    plain, in_use = (average_precisions(ranking.scores(rows), LABELS).mean() for ranking in (PLAIN, RANKING_IN_USE))
    assert plain < in_use - 0.02


def reference_k_reciprocal_distances(vectors: np.ndarray, k1: int, k2: int, plain_share: float) -> np.ndarray:
    """The method as the paper describes it, one image at a time, with sets."""
    n = len(vectors)
    distances = ((vectors[:, np.newaxis] - vectors) ** 2).sum(axis=2)
    distances /= distances.max(axis=1, keepdims=True)
    nearest = [np.argsort(row, kind="stable").tolist() for row in distances]

    def reciprocal(p: int, k: int) -> set[int]:
        return {g for g in nearest[p][: k + 1] if p in nearest[g][: k + 1]}

    features = np.zeros((n, n))
    for p in range(n):
        expanded = set(reciprocal(p, k1))
        for q in reciprocal(p, k1):
            half = reciprocal(q, round(k1 / 2))
            if len(reciprocal(p, k1) & half) >= 2 / 3 * len(half):
                expanded |= half
        features[p, sorted(expanded)] = np.exp(-distances[p, sorted(expanded)])
        features[p] /= features[p].sum()
    features = np.array([features[nearest[p][:k2]].mean(axis=0) for p in range(n)])
    minimum = np.minimum(features[:, np.newaxis], features).sum(axis=2)
    maximum = np.maximum(features[:, np.newaxis], features).sum(axis=2)
    return plain_share * distances + (1 - plain_share) * (1 - minimum / maximum)


def test_k_reciprocal_scores_are_those_of_the_paper(rows):
    expected = -reference_k_reciprocal_distances(rows.astype(np.float64), 8, 3, 0.3)
    scores = k_reciprocal_scores(rows, k1=8, k2=3)
    off_diagonal = ~np.eye(len(rows), dtype=bool)
    np.testing.assert_allclose(scores[off_diagonal], expected[off_diagonal], atol=1e-4)
    queries = k_reciprocal_scores(rows[5:], rows[:5], k1=8, k2=3)
    np.testing.assert_allclose(queries, expected[:5, 5:], atol=1e-4)


def test_a_basis_of_other_kinds_does_not_depend_on_those_left_out(rows):
    copied = np.arange(0, len(rows), 5)
    learned = LABELS % 2 == 0

    def basis_of(catalogue: np.ndarray) -> np.ndarray:
        copies = dict.fromkeys(("crop10", "turn5", "mirror"), catalogue[copied])
        return make_basis({"catalogue": catalogue} | copies, learned, copied).directions

    changed = np.where(learned[:, np.newaxis], rows, rows[::-1])
    np.testing.assert_array_equal(basis_of(changed), basis_of(rows))


def test_labels_teach_the_ranking_of_their_kinds(rows):
    by_weight = {row["weight"]: row for row in teaching_rows(rows, LABELS) if row["taught_kinds"] == "all"}
    assert by_weight[2.0]["images_plain"] > by_weight[0.0]["images_plain"] + 0.02
    assert "other_kinds_plain" not in by_weight[2.0]
