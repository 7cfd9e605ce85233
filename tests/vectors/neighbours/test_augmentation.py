"""Ranking with neighbours, compared with dense matrices."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors import metrics
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.projections.unsupervised import fit_whitening
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.neighbours.dense_reference import DenseReference
from tests.vectors.random_vectors import CLUSTER_DIMENSIONS, clustered_vectors

KINDS, SIZE = 20, 15
ROWS = KINDS * SIZE
SCORE_ERROR = 1e-5


@pytest.fixture(scope="module")
def order() -> np.ndarray:
    return np.random.default_rng(1).permutation(ROWS)


@pytest.fixture(scope="module")
def complete(order, tmp_path_factory) -> Snapshot:
    """Rows of twenty kinds in three segments, all with neighbour lists. Ids are ten times the row, plus ten."""
    rows = clustered_vectors(KINDS, SIZE, spread=0.7)[order]
    snapshot = snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        10 * np.arange(ROWS) + 10,
        starts=(150, 151),
        projection=fit_whitening(rows, 64.0),
        encoder=random_rotation(np.zeros(CLUSTER_DIMENSIONS, np.float32), 64),
    )
    return snapshots.add_neighbours(snapshot)


def without_some_lists(complete: Snapshot) -> Snapshot:
    """Return the snapshot without the lists of a whole segment and of every fifth row of another."""
    first, second, third = complete.segments
    lists = first.neighbours.copy()
    for array in lists.arrays().values():
        array[::5] = 0
    return replace(complete, segments=[replace(first, neighbours=lists), replace(second, neighbours=None), third])


@pytest.fixture(scope="module", params=["complete", "with deleted images", "without some lists"])
def snapshot(request, complete) -> Snapshot:
    if request.param == "with deleted images":
        return snapshots.delete_images(complete, complete.row_index.image_ids(np.arange(0, ROWS, 25)).tolist())
    return without_some_lists(complete) if request.param == "without some lists" else complete


def live_rows(snapshot: Snapshot) -> np.ndarray:
    return snapshot.number_rows(snapshot.allowed_rows(None))


def other_queries(snapshot: Snapshot, count: int = 10) -> np.ndarray:
    """Return queries of the same kinds that are no rows of the snapshot."""
    kinds = clustered_vectors(KINDS, 1, spread=0.0)
    rng = np.random.default_rng(9)
    return snapshot.project((kinds[:count] + rng.normal(scale=0.03, size=kinds[:count].shape)).astype(np.float32))


def test_scores_are_those_of_dense_matrices(snapshot):
    reference, rows = DenseReference(snapshot), live_rows(snapshot)
    for query_vector in other_queries(snapshot):
        query = augmentation.expand_query(snapshot, query_vector, rows)
        np.testing.assert_allclose(query.expanded, reference.expand(query_vector), atol=SCORE_ERROR)
        scores, similarities = augmentation.score(snapshot, query, rows)
        np.testing.assert_allclose(scores, reference.score(query_vector), atol=SCORE_ERROR)
        np.testing.assert_allclose(similarities, reference.plain @ query_vector, atol=SCORE_ERROR)
        assert scores.dtype == similarities.dtype == np.float32


@pytest.mark.parametrize("min_rows_per_scored", [0, ROWS + 1], ids=["some rows are read", "all are compared"])
@pytest.mark.parametrize("step", [1, 2, 11, 200])
def test_some_rows_score_as_they_do_among_all(snapshot, step, min_rows_per_scored, monkeypatch):
    rows = live_rows(snapshot)
    query = augmentation.expand_query(snapshot, other_queries(snapshot)[0], rows)
    everything, _ = augmentation.score(snapshot, query, rows)
    monkeypatch.setattr(augmentation, "MIN_ROWS_PER_SCORED", min_rows_per_scored)
    some, _ = augmentation.score(snapshot, query, rows[::step])
    np.testing.assert_allclose(some, everything[::step], atol=1e-6)


@pytest.mark.parametrize("min_rows_per_scored", [0, ROWS + 1], ids=["some rows are read", "all are compared"])
def test_rows_scored_in_several_chunks_score_the_same(snapshot, min_rows_per_scored, monkeypatch):
    rows = live_rows(snapshot)
    query = augmentation.expand_query(snapshot, other_queries(snapshot)[0], rows)
    expected = augmentation.score(snapshot, query, rows)
    monkeypatch.setattr(augmentation, "CHUNK_ROWS", 64)
    monkeypatch.setattr(augmentation, "MIN_ROWS_PER_SCORED", min_rows_per_scored)
    np.testing.assert_allclose(augmentation.score(snapshot, query, rows), expected, atol=1e-6)


def test_many_rows_are_scored_without_a_copy_of_their_vectors(tmp_path):
    count, dimensions, rng = 4000, 256, np.random.default_rng(3)
    vectors = augmentation.unit_vectors(rng.standard_normal((count, dimensions)).astype(np.float32))
    snapshot = snapshots.build_snapshot(tmp_path, vectors, np.arange(1, count + 1))
    lists = NeighbourLists.empty(count)
    lists.image_ids[:] = rng.integers(1, count + 1, lists.image_ids.shape)
    lists.inverse_norms[:] = 1
    snapshot = snapshots.set_lists(snapshot, lists)
    rows, query = np.arange(0, count, 4), ExpandedQuery(vectors[0], vectors[1])
    augmentation.score(snapshot, query, rows[:1])  # what is made only once
    tracemalloc.start()
    augmentation.score(snapshot, query, rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < vectors.nbytes / 2


def test_augmented_vectors_are_those_of_dense_matrices(snapshot):
    reference = DenseReference(snapshot)
    np.testing.assert_allclose(
        augmentation.augmented_vectors(snapshot, live_rows(snapshot)), reference.augmented, atol=SCORE_ERROR
    )


def test_a_row_whose_list_names_a_deleted_image_is_compared_by_its_own_vector(complete):
    lists = complete.neighbours_of(np.arange(ROWS))
    deleted_id = int(lists.image_ids[0, 0])
    snapshot = snapshots.delete_images(complete, [deleted_id])
    naming = np.flatnonzero((lists.image_ids == deleted_id).any(axis=1))
    naming = naming[np.isin(naming, live_rows(snapshot))]
    assert 0 in naming
    np.testing.assert_allclose(
        augmentation.augmented_vectors(snapshot, naming), snapshot.project(snapshot.vectors(naming)), atol=1e-6
    )
    augmented_before = augmentation.augmented_vectors(complete, naming)
    assert np.abs(augmented_before - complete.project(complete.vectors(naming))).max() > 0.01


def test_the_same_picture_scores_1_and_first(snapshot):
    reference, rows = DenseReference(snapshot), live_rows(snapshot)
    for position in range(0, len(rows), 20):
        query = augmentation.expand_query(snapshot, reference.plain[position].astype(np.float32), rows)
        scores, similarities = augmentation.score(snapshot, query, rows)
        assert scores.argmax() == position
        assert scores[position] == pytest.approx(1, abs=1e-5)
        assert similarities[position] == pytest.approx(1, abs=1e-5)
        assert scores.max() <= 1 + 1e-5


def test_a_score_is_never_below_the_own_similarity(snapshot):
    rows = live_rows(snapshot)
    for query_vector in other_queries(snapshot):
        query = augmentation.expand_query(snapshot, query_vector, rows)
        scores, similarities = augmentation.score(snapshot, query, rows)
        assert (scores >= similarities).all()
        assert (scores > similarities).any()


def test_an_excluded_image_does_not_expand_the_query(snapshot):
    reference, rows = DenseReference(snapshot), live_rows(snapshot)
    query_vector, image_id = reference.plain[7].astype(np.float32), int(reference.ids[7])
    query = augmentation.expand_query(snapshot, query_vector, rows, exclude_id=image_id)
    np.testing.assert_allclose(query.expanded, reference.expand(query_vector, image_id), atol=SCORE_ERROR)
    with_itself = augmentation.expand_query(snapshot, query_vector, rows)
    assert np.abs(with_itself.expanded - query.expanded).max() > 1e-3


def test_a_query_unlike_all_rows_is_not_expanded(complete):
    opposite = -DenseReference(complete).augmented.mean(axis=0)
    rows = np.arange(ROWS)
    dissimilar = rows[(DenseReference(complete).augmented @ opposite) < 0]
    query_vector = augmentation.unit_vectors(opposite[np.newaxis])[0]
    query = augmentation.expand_query(complete, query_vector, dissimilar)
    np.testing.assert_array_equal(query.expanded, query_vector)


def test_a_query_without_expansion_is_ranked_by_plain_similarity(complete):
    query_vector, rows = other_queries(complete)[0], np.arange(ROWS)
    scores, similarities = augmentation.score(complete, ExpandedQuery(query_vector), rows)
    np.testing.assert_array_equal(scores, similarities)
    np.testing.assert_allclose(scores, DenseReference(complete).plain @ query_vector, atol=SCORE_ERROR)


def test_no_rows_have_no_scores(complete):
    query, none = augmentation.expand_query(complete, other_queries(complete)[0], np.empty(0, np.int64)), []
    assert np.array_equal(query.expanded, query.plain)
    scores, similarities = augmentation.score(complete, query, np.array(none, np.int64))
    assert len(scores) == len(similarities) == 0


def test_neighbours_improve_the_ranking(complete, order):
    kinds, rows, reference = order // SIZE, np.arange(ROWS), DenseReference(complete)
    plain, augmented = [], []
    for row in range(0, ROWS, 6):
        query_vector, others = reference.plain[row].astype(np.float32), rows != row
        query = augmentation.expand_query(complete, query_vector, rows, exclude_id=int(reference.ids[row]))
        scores, similarities = augmentation.score(complete, query, rows)
        for values, precisions in ((similarities, plain), (scores, augmented)):
            ranked = rows[others][np.argsort(-values[others])]
            precisions.append(metrics.average_precision(kinds[ranked] == kinds[row]))
    assert np.mean(augmented) > np.mean(plain) + 0.02


def test_negative_similarities_have_no_weight():
    np.testing.assert_allclose(
        augmentation.weights(np.array([0.5, 0, -0.5], np.float16)), [0.5**augmentation.WEIGHT_EXPONENT, 0, 0]
    )


def test_lists_that_are_not_made_leave_rows_as_they_are(complete):
    rows, unmade = np.arange(ROWS), snapshots.set_lists(complete, NeighbourLists.empty(ROWS))
    plain = complete.project(complete.vectors(rows))
    np.testing.assert_allclose(augmentation.augmented_vectors(unmade, rows), plain, atol=1e-6)
