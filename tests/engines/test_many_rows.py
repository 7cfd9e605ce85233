"""Both engines give the same scores where they do not compare all rows."""

from collections.abc import Iterator

import numpy as np
import pytest

from catalog.exceptions import ImageSearchError
from catalog.vectors import exact, two_stage
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.engines import Engine, create_engine
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.projections.projection import Projection
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import clustered_vectors

KINDS, SIZE = 40, 15
ROWS = KINDS * SIZE
PROJECTED_DIMENSIONS = 64


@pytest.fixture(scope="module")
def linked_snapshot(tmp_path_factory) -> Snapshot:
    """Two segments, projected to fewer dimensions, with codes and neighbour lists; some rows are dead."""
    rows = np.random.default_rng(1).permutation(clustered_vectors(KINDS, SIZE, spread=0.3))
    axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:PROJECTED_DIMENSIONS]
    complete = snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        np.random.default_rng(2).permutation(ROWS) + 1,
        starts=(400,),
        projection=Projection(rows.mean(axis=0), axes),
        encoder=random_rotation(np.zeros(PROJECTED_DIMENSIONS, np.float32)),
        candidates=100,
    )
    return snapshots.delete_images(snapshots.add_neighbours(complete), range(1, ROWS, 97))


@pytest.fixture(scope="module")
def queries(linked_snapshot) -> np.ndarray:
    """Queries of the same kinds that are no rows of the snapshot."""
    kinds = clustered_vectors(KINDS, 1, spread=0.0)
    noise = np.random.default_rng(9).normal(scale=0.02, size=kinds.shape)
    return linked_snapshot.project((kinds + noise).astype(np.float32))[::4]


@pytest.fixture(params=["plain", "with neighbours"])
def snapshot(request, linked_snapshot) -> Snapshot:
    if request.param == "with neighbours":
        return linked_snapshot
    return Snapshot("plain", linked_snapshot.segments, linked_snapshot.projection, linked_snapshot.encoder, 100, False)


@pytest.fixture(autouse=True)
def few_exact_rows(monkeypatch):
    monkeypatch.setattr(two_stage, "MAX_EXACT_ROWS", 50)


@pytest.fixture
def engine(each_engine, settings, snapshot) -> Iterator[Engine]:
    """Each engine, synced with the snapshot."""
    created = create_engine(settings.VECTOR_INDEX)
    created.sync(snapshot)
    assert created.is_synced(snapshot)
    yield created
    created.drop_all_except([])


def exact_query(snapshot: Snapshot, query_vector: np.ndarray, exclude_id: int | None = None) -> ExpandedQuery:
    """Return the query expanded by the best of all rows."""
    return two_stage.expand_query(snapshot, query_vector, exclude_id=exclude_id)


def exact_scores(snapshot: Snapshot, query: ExpandedQuery) -> dict[int, float]:
    ranking = exact.rank(snapshot, query, limit=ROWS)
    return dict(zip(ranking.image_ids.tolist(), ranking.scores.tolist(), strict=True))


def test_scores_and_similarities_are_those_of_exact_search(engine, snapshot, queries):
    for query_vector in queries:
        query = engine.expand_query(snapshot, query_vector)
        assert (query.expanded is not None) == snapshot.has_neighbours
        ranking = engine.rank(snapshot, query, limit=20)
        complete = exact.rank(snapshot, query, limit=ROWS)
        scores = dict(zip(complete.image_ids.tolist(), complete.scores.tolist(), strict=True))
        similarities = dict(zip(complete.image_ids.tolist(), complete.similarities.tolist(), strict=True))
        ids = ranking.image_ids.tolist()
        assert len(set(ids)) == 20
        assert ranking.total == complete.total
        assert ranking.scores.tolist() == pytest.approx([scores[pk] for pk in ids], abs=1e-6)
        assert ranking.similarities.tolist() == pytest.approx([similarities[pk] for pk in ids], abs=1e-6)
        assert (np.diff(ranking.scores) <= 0).all()


def test_nearly_all_of_the_best_rows_are_found(engine, snapshot, queries):
    shares = []
    for query_vector in queries:
        best = exact.rank(snapshot, exact_query(snapshot, query_vector), limit=10).image_ids
        found = engine.rank(snapshot, engine.expand_query(snapshot, query_vector), limit=10).image_ids
        shares.append(np.isin(best, found).mean())
    assert np.mean(shares) >= 0.98


def test_a_filter_is_applied_before_the_best_rows_are_selected(engine, snapshot, queries):
    allowed = np.arange(2, ROWS, 13)
    for query_vector in queries[:3]:
        query = engine.expand_query(snapshot, query_vector)
        ranking = engine.rank(snapshot, query, limit=100, allowed_ids=allowed)
        expected = exact.rank(snapshot, query, limit=100, allowed_ids=allowed)
        assert set(ranking.image_ids.tolist()) == set(expected.image_ids.tolist()) <= set(allowed.tolist())
        assert ranking.total == expected.total
        assert ranking.scores.tolist() == pytest.approx(expected.scores.tolist(), abs=1e-6)


def test_the_image_that_is_searched_with_does_not_expand_the_query(engine, snapshot):
    image_id = int(snapshot.row_index.image_ids(np.array([5]))[0])
    query_vector = snapshot.project(snapshot.vectors(np.array([5])))[0]
    query = engine.expand_query(snapshot, query_vector, exclude_id=image_id)
    expected = exact_query(snapshot, query_vector, image_id)
    if not snapshot.has_neighbours:
        assert query.expanded is expected.expanded is None
        return
    np.testing.assert_allclose(query.expanded, expected.expanded, atol=1e-5)
    assert np.abs(query.expanded - engine.expand_query(snapshot, query_vector).expanded).max() > 1e-4


def test_all_rows_are_ranked_if_so_many_are_asked_for(engine, snapshot, queries):
    query = engine.expand_query(snapshot, queries[0])
    ranking = engine.rank(snapshot, query, limit=2 * ROWS)
    scores = exact_scores(snapshot, query)
    assert len(ranking.image_ids) == ranking.total == len(scores)
    assert ranking.scores.tolist() == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-6)


def test_neighbours_of_the_best_rows_are_ranked_too(milvus, settings, linked_snapshot, queries, monkeypatch):
    """The server supplies three rows; their neighbours come from the lists."""
    monkeypatch.setattr(two_stage, "MIN_SHORTLIST", 1)
    monkeypatch.setattr("catalog.vectors.milvus.MAX_RESULTS", 3)
    engine = create_engine(settings.VECTOR_INDEX)
    engine.sync(linked_snapshot)
    row_counts, rank_rows = [], exact.rank_rows
    monkeypatch.setattr(
        exact,
        "rank_rows",
        lambda snapshot, query, rows, **options: (
            row_counts.append(len(rows)) or rank_rows(snapshot, query, rows, **options)
        ),
    )
    for query_vector in queries[:3]:
        engine.rank(linked_snapshot, exact_query(linked_snapshot, query_vector), limit=1)
    assert min(row_counts) > 2 * 3


@pytest.mark.parametrize("limit", [3, 4])
def test_the_shortlist_may_be_longer_than_milvus_returns(
    milvus, settings, linked_snapshot, queries, monkeypatch, limit
):
    monkeypatch.setattr("catalog.vectors.milvus.MAX_RESULTS", 4)
    engine = create_engine(settings.VECTOR_INDEX)
    engine.sync(linked_snapshot)
    query = exact_query(linked_snapshot, queries[0])
    assert len(engine.rank(linked_snapshot, query, limit=limit).image_ids) == limit
    with pytest.raises(ImageSearchError, match="only the 4 best images"):
        engine.rank(linked_snapshot, query, limit=5)
