"""The best similarities of many queries that are parts of one picture."""

import numpy as np
import pytest

from catalog.vectors import many_queries
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.projections.unsupervised import fit_centring
from tests.vectors import snapshots
from tests.vectors.random_vectors import CLUSTER_DIMENSIONS, clustered_vectors

ROWS = 6000


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).permutation(clustered_vectors(300, 20, spread=0.3)).astype(np.float32)


@pytest.fixture(scope="module")
def snapshot(rows, tmp_path_factory):
    """All rows in three segments; the image ids are the positions plus 1, and a tenth of the first is dead."""
    numbers = np.arange(ROWS)
    return snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        numbers + 1,
        starts=(3000, 3001),
        live=(numbers >= 3000) | (numbers % 10 > 0),
        projection=fit_centring(rows),
        encoder=random_rotation(np.zeros(CLUSTER_DIMENSIONS, np.float32)),
        candidates=150,
    )


@pytest.fixture(scope="module")
def queries(snapshot, rows):
    return snapshot.project(rows[:40] + 0.02 * rows[100:140])


def expected_best(snapshot, queries, positions):
    return -np.sort(-(queries @ snapshot.project(snapshot.vectors(positions)).T), axis=1)[:, :5]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_best_similarities_are_those_of_exact_search(snapshot, queries, threads):
    selected = many_queries.select_rows(snapshot, queries, threads=threads)
    assert len(selected) < ROWS / 2
    assert (np.diff(selected) > 0).all()
    best = many_queries.best_similarities(snapshot, queries, selected, limit=5)
    live = snapshot.number_rows(snapshot.allowed_rows(None))
    expected = expected_best(snapshot, queries, live)
    assert np.isclose(best, expected, atol=1e-3).mean() > 0.98


def test_the_candidates_of_one_query_serve_a_similar_one(snapshot, queries, rows):
    selected = many_queries.select_rows(snapshot, queries[:1])
    similar = snapshot.project(rows[:1] + 0.05 * rows[200:201])
    best = many_queries.best_similarities(snapshot, similar, selected, limit=5)
    live = snapshot.number_rows(snapshot.allowed_rows(None))
    assert np.allclose(best, expected_best(snapshot, similar, live), atol=1e-3)


@pytest.mark.parametrize("count", [5000, 300, 2, 0])
def test_only_live_rows_of_allowed_images_count(snapshot, queries, count):
    allowed_ids = np.arange(1, count + 1)
    selected = many_queries.select_rows(snapshot, queries, allowed_ids=allowed_ids)
    assert np.isin(selected, np.arange(count)).all()
    assert not ((selected < 3000) & (selected % 10 == 0)).any()
    best = many_queries.best_similarities(snapshot, queries, selected, limit=5)
    assert best.shape == (40, min(5, len(selected)))
    if count <= 300:
        assert np.allclose(best, expected_best(snapshot, queries, selected), atol=1e-3)
