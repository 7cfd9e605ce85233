"""Search in two stages finds nearly the same hits as exact search."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors import exact, two_stage
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.codes.code_files import build_codes
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.projections.unsupervised import fit_whitening
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import CLUSTER_DIMENSIONS, clustered_vectors

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).permutation(clustered_vectors(150, 20, spread=0.3)).astype(np.float32)


@pytest.fixture(scope="module")
def plain_snapshot(rows, tmp_path_factory) -> Snapshot:
    """All rows in five segments of different lengths, with unordered ids; a tenth of the second is dead."""
    numbers = np.arange(ROWS)
    return snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        np.random.default_rng(2).permutation(ROWS) + 1,
        starts=(1500, 2300, 2301, 2900),
        live=(numbers < 1500) | (numbers >= 2300) | (numbers % 10 > 0),
        projection=fit_whitening(rows, 4.0),
        encoder=random_rotation(np.zeros(CLUSTER_DIMENSIONS, np.float32)),
        candidates=150,
    )


@pytest.fixture(scope="module")
def linked_snapshot(plain_snapshot) -> Snapshot:
    return snapshots.add_neighbours(plain_snapshot)


@pytest.fixture(params=["plain", "with neighbours"])
def snapshot(request, plain_snapshot, linked_snapshot) -> Snapshot:
    return plain_snapshot if request.param == "plain" else linked_snapshot


@pytest.fixture(autouse=True)
def low_exact_limit(monkeypatch):
    monkeypatch.setattr(two_stage, "MAX_EXACT_ROWS", 200)


def live_ids(snapshot: Snapshot) -> np.ndarray:
    return np.concatenate([part.segment.image_ids[part.rows()] for part in snapshot.segments])


def query_vectors(snapshot: Snapshot, rows: np.ndarray, count: int = 60) -> np.ndarray:
    return snapshot.project(rows[:: ROWS // count])


def expanded_queries(snapshot: Snapshot, rows: np.ndarray, count: int = 60) -> list[ExpandedQuery]:
    return [two_stage.expand_query(snapshot, vector) for vector in query_vectors(snapshot, rows, count)]


def test_recall_of_the_ten_best_is_at_least_99_percent(snapshot, rows):
    found = [
        np.isin(exact.rank(snapshot, one, limit=10).image_ids, two_stage.rank(snapshot, one, limit=10).image_ids).mean()
        for one in expanded_queries(snapshot, rows)
    ]
    assert np.mean(found) >= 0.99


def test_queries_are_expanded_as_among_all_rows(linked_snapshot, rows):
    everything = linked_snapshot.number_rows(linked_snapshot.allowed_rows(None))
    cosines = [
        two_stage.expand_query(linked_snapshot, vector).expanded
        @ augmentation.expand_query(linked_snapshot, vector, everything).expanded
        for vector in query_vectors(linked_snapshot, rows)
    ]
    assert np.mean(np.array(cosines) > 0.9999) >= 0.98


def test_queries_without_neighbours_are_not_expanded(plain_snapshot, linked_snapshot, rows):
    query_vector = query_vectors(plain_snapshot, rows)[0]
    for snapshot in (plain_snapshot, replace(linked_snapshot, augmented=False)):
        query = two_stage.expand_query(snapshot, query_vector)
        assert query.expanded is None
        assert np.array_equal(query.plain, query_vector)
    assert two_stage.expand_query(linked_snapshot, query_vector).expanded is not None


def test_the_image_that_is_searched_with_does_not_expand_the_query(linked_snapshot, rows):
    query_vector, image_id = query_vectors(linked_snapshot, rows)[0], int(live_ids(linked_snapshot)[0])
    with_itself = two_stage.expand_query(linked_snapshot, query_vector)
    without = two_stage.expand_query(linked_snapshot, query_vector, exclude_id=image_id)
    assert np.abs(with_itself.expanded - without.expanded).max() > 1e-3
    everything = linked_snapshot.number_rows(linked_snapshot.allowed_rows(None))
    expected = augmentation.expand_query(linked_snapshot, query_vector, everything, exclude_id=image_id)
    np.testing.assert_allclose(without.expanded, expected.expanded, atol=1e-5)


def test_neighbours_of_the_best_candidates_become_candidates(linked_snapshot, rows):
    allowed = linked_snapshot.allowed_rows(None)
    for query_vector in query_vectors(linked_snapshot, rows, 20):
        best = exact.rank(linked_snapshot, ExpandedQuery(query_vector), limit=1).image_ids
        candidates = linked_snapshot.row_index.rows_of(best).astype(np.int64)
        selected = two_stage.shortlist(linked_snapshot, ExpandedQuery(query_vector), candidates, allowed, count=1)
        lists = linked_snapshot.neighbours_of(candidates)
        expected = linked_snapshot.row_index.rows_of(lists.image_ids[0])
        assert selected.tolist() == sorted({*candidates.tolist(), *expected.tolist()})


def test_only_allowed_neighbours_become_candidates(linked_snapshot, rows):
    query_vector = query_vectors(linked_snapshot, rows)[0]
    candidates = np.array([0, 1, 2])
    neighbour_ids = linked_snapshot.neighbours_of(candidates).image_ids
    allowed_ids = np.concatenate([linked_snapshot.row_index.image_ids(candidates), neighbour_ids[:, 3]])
    allowed = linked_snapshot.allowed_rows(allowed_ids.astype(np.int64))
    selected = two_stage.shortlist(linked_snapshot, ExpandedQuery(query_vector), candidates, allowed, count=3)
    assert set(linked_snapshot.row_index.image_ids(selected).tolist()) == set(allowed_ids.tolist())


def test_scores_are_those_of_exact_search(snapshot, rows):
    query = expanded_queries(snapshot, rows)[3]
    found, best = two_stage.rank(snapshot, query, limit=10), exact.rank(snapshot, query, limit=10)
    assert found.total == best.total == len(live_ids(snapshot))
    scores = dict(zip(best.image_ids.tolist(), best.scores, strict=True))
    for pk, score in zip(found.image_ids.tolist(), found.scores, strict=True):
        assert score == pytest.approx(scores.get(pk, score), abs=1e-5)
    assert (np.diff(found.scores) <= 0).all()


def test_only_candidates_are_ranked_exactly(plain_snapshot, linked_snapshot, rows, monkeypatch):
    selected = []
    rank_rows = exact.rank_rows

    def record_and_rank(snapshot, query, rows, **options):
        selected.append(rows)
        return rank_rows(snapshot, query, rows, **options)

    monkeypatch.setattr(exact, "rank_rows", record_and_rank)
    two_stage.rank(plain_snapshot, expanded_queries(plain_snapshot, rows, 1)[0], limit=10)
    assert len(selected.pop()) == 150
    monkeypatch.setattr(two_stage, "MIN_SHORTLIST", 50)
    two_stage.rank(linked_snapshot, expanded_queries(linked_snapshot, rows, 1)[0], limit=10)
    linked = selected.pop()
    assert 50 <= len(linked) <= 50 + 10 * two_stage.LINKED_CANDIDATES
    assert (np.diff(linked) > 0).all()


def test_a_dead_row_is_never_found(snapshot, rows):
    allowed = set(live_ids(snapshot).tolist())
    for query in expanded_queries(snapshot, rows):
        assert set(two_stage.rank(snapshot, query, limit=40).image_ids.tolist()) <= allowed


def test_a_filter_that_leaves_thirty_returns_all_thirty(snapshot, rows):
    allowed = np.sort(np.random.default_rng(3).choice(live_ids(snapshot), 30, replace=False))
    found = two_stage.rank(snapshot, expanded_queries(snapshot, rows)[0], limit=100, allowed_ids=allowed)
    assert found.total == 30
    assert np.array_equal(np.sort(found.image_ids), allowed)


def test_a_filter_is_applied_before_candidates_are_selected(snapshot, rows):
    allowed = np.random.default_rng(4).choice(live_ids(snapshot), 1200, replace=False)
    recalls = []
    for query in expanded_queries(snapshot, rows, 30):
        found = two_stage.rank(snapshot, query, limit=10, allowed_ids=allowed)
        assert found.total == 1200
        assert np.isin(found.image_ids, allowed).all()
        best = exact.rank(snapshot, query, limit=10, allowed_ids=allowed)
        recalls.append(np.isin(best.image_ids, found.image_ids).mean())
    assert np.mean(recalls) >= 0.99


def test_a_filter_of_unknown_ids_finds_nothing(snapshot, rows):
    query = expanded_queries(snapshot, rows)[0]
    for allowed in (np.array([10**9]), np.empty(0, np.int64)):
        found = two_stage.rank(snapshot, query, limit=10, allowed_ids=allowed)
        assert (len(found.image_ids), found.total) == (0, 0)


def test_all_rows_are_ranked_exactly_for_late_pages(snapshot, rows):
    query = expanded_queries(snapshot, rows)[1]
    found, best = (stage.rank(snapshot, query, limit=ROWS) for stage in (two_stage, exact))
    np.testing.assert_array_equal(found.image_ids, best.image_ids)


@pytest.mark.parametrize("without", ["encoder", "candidates"])
def test_all_rows_are_ranked_exactly_without_codes(snapshot, rows, without):
    query = expanded_queries(snapshot, rows)[2]
    found = two_stage.rank(replace(snapshot, **{without: None}), query, limit=10)
    np.testing.assert_array_equal(found.image_ids, exact.rank(snapshot, query, limit=10).image_ids)


def test_no_segments_give_an_empty_ranking(snapshot, rows):
    found = two_stage.rank(replace(snapshot, segments=[]), expanded_queries(snapshot, rows)[0], limit=10)
    assert (len(found.image_ids), found.total) == (0, 0)


def test_tuning_selects_enough_candidates_for_the_target_recall(snapshot, rows):
    queries, image_ids = queries_of_rows(snapshot)
    candidates, recall = two_stage.tune_candidate_count(snapshot, queries, image_ids)
    assert two_stage.MIN_CANDIDATES <= candidates < ROWS // 4
    assert recall >= two_stage.TARGET_RECALL


def test_tuning_needs_codes(snapshot):
    with pytest.raises(ValueError, match="encoder"):
        two_stage.tune_candidate_count(replace(snapshot, encoder=None), *queries_of_rows(snapshot))


def test_fewer_bits_need_more_candidates(snapshot, rows):
    encoder = random_rotation(np.zeros(CLUSTER_DIMENSIONS, np.float32), 16)
    live_segments = [
        replace(live_segment, codes_and_scales=build_codes(live_segment.segment, snapshot.projection, encoder))
        for live_segment in snapshot.segments
    ]
    coarse = replace(snapshot, segments=live_segments, encoder=encoder)
    queries, image_ids = queries_of_rows(snapshot)
    coarse_count, _ = two_stage.tune_candidate_count(coarse, queries, image_ids)
    assert coarse_count > two_stage.tune_candidate_count(snapshot, queries, image_ids)[0]


def queries_of_rows(snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """Return sixty live rows as they are compared, and their image ids."""
    live_rows = snapshot.number_rows(snapshot.allowed_rows(None))[:: ROWS // 60]
    return snapshot.project(snapshot.vectors(live_rows)), snapshot.row_index.image_ids(live_rows)
