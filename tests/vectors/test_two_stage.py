"""Search in two stages finds nearly the same hits as exact search."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors import exact, segments, two_stage, whitening
from catalog.vectors.binary_codes import random_rotation
from catalog.vectors.code_files import build_codes
from catalog.vectors.snapshot import LiveSegment, Snapshot
from tests.indexed_images import clustered_vectors

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).permutation(clustered_vectors(150, 20, spread=0.3)).astype(np.float32)


@pytest.fixture(scope="module")
def snapshot(rows, tmp_path_factory):
    """All rows in five segments of different lengths, with unordered ids; a tenth of the second is dead."""
    folder = tmp_path_factory.mktemp("segments")
    fitted_whitening = whitening.fit_whitening(rows)
    encoder = random_rotation(rows.shape[1], 256)
    ids = np.random.default_rng(2).permutation(ROWS) + 1
    live_segments = []
    for number, positions in enumerate(np.split(np.arange(ROWS), [1500, 2300, 2301, 2900])):
        path = folder / f"{number}.h5"
        digests = np.zeros((len(positions), 32), np.uint8)
        segments.write(path, space="{}", vectors=rows[positions], image_ids=ids[positions], digests=digests)
        segment = segments.open_segment(path)
        live = np.arange(len(positions)) % 10 > 0 if number == 1 else None
        live_segments.append(LiveSegment(segment, live, build_codes(segment, fitted_whitening, encoder)))
    return Snapshot("test", live_segments, fitted_whitening, encoder, candidates=150)


@pytest.fixture(autouse=True)
def low_exact_limit(monkeypatch):
    monkeypatch.setattr(two_stage, "MAX_EXACT_ROWS", 200)


def live_ids(snapshot: Snapshot) -> np.ndarray:
    return np.concatenate([part.segment.image_ids[part.rows()] for part in snapshot.segments])


def query_vectors(snapshot: Snapshot, rows: np.ndarray, count: int = 60) -> np.ndarray:
    return snapshot.whiten(rows[:: ROWS // count])


def test_recall_of_the_ten_best_is_at_least_99_percent(snapshot, rows):
    found = [
        np.isin(exact.rank(snapshot, one, limit=10).image_ids, two_stage.rank(snapshot, one, limit=10).image_ids).mean()
        for one in query_vectors(snapshot, rows)
    ]
    assert np.mean(found) >= 0.99


def test_scores_are_those_of_exact_search(snapshot, rows):
    query_vector = query_vectors(snapshot, rows)[3]
    found, best = two_stage.rank(snapshot, query_vector, limit=10), exact.rank(snapshot, query_vector, limit=10)
    assert found.total == best.total == len(live_ids(snapshot))
    scores = dict(zip(best.image_ids.tolist(), best.scores, strict=True))
    for pk, score in zip(found.image_ids.tolist(), found.scores, strict=True):
        assert score == pytest.approx(scores.get(pk, score), abs=1e-5)
    assert (np.diff(found.scores) <= 0).all()


def test_only_candidates_are_ranked_exactly(snapshot, rows, monkeypatch):
    row_counts = []
    rank_rows = exact.rank_rows

    def count_and_rank(snapshot, query_vector, rows, **options):
        row_counts.append(exact.count_rows(snapshot, rows))
        return rank_rows(snapshot, query_vector, rows, **options)

    monkeypatch.setattr(exact, "rank_rows", count_and_rank)
    two_stage.rank(snapshot, query_vectors(snapshot, rows)[0], limit=10)
    assert row_counts == [150]


def test_a_dead_row_is_never_found(snapshot, rows):
    allowed = set(live_ids(snapshot).tolist())
    for query_vector in query_vectors(snapshot, rows):
        assert set(two_stage.rank(snapshot, query_vector, limit=40).image_ids.tolist()) <= allowed


def test_a_filter_that_leaves_thirty_returns_all_thirty(snapshot, rows):
    allowed = np.sort(np.random.default_rng(3).choice(live_ids(snapshot), 30, replace=False))
    found = two_stage.rank(snapshot, query_vectors(snapshot, rows)[0], limit=100, allowed_ids=allowed)
    assert found.total == 30
    assert np.array_equal(np.sort(found.image_ids), allowed)


def test_a_filter_is_applied_before_candidates_are_selected(snapshot, rows):
    allowed = np.random.default_rng(4).choice(live_ids(snapshot), 1200, replace=False)
    recalls = []
    for query_vector in query_vectors(snapshot, rows, 30):
        found = two_stage.rank(snapshot, query_vector, limit=10, allowed_ids=allowed)
        assert found.total == 1200
        assert np.isin(found.image_ids, allowed).all()
        best = exact.rank(snapshot, query_vector, limit=10, allowed_ids=allowed)
        recalls.append(np.isin(best.image_ids, found.image_ids).mean())
    assert np.mean(recalls) >= 0.99


def test_a_filter_of_unknown_ids_finds_nothing(snapshot, rows):
    query_vector = query_vectors(snapshot, rows)[0]
    for allowed in (np.array([10**9]), np.empty(0, np.int64)):
        found = two_stage.rank(snapshot, query_vector, limit=10, allowed_ids=allowed)
        assert (len(found.image_ids), found.total) == (0, 0)


def test_all_rows_are_ranked_exactly_for_late_pages(snapshot, rows):
    query_vector = query_vectors(snapshot, rows)[1]
    found, best = (stage.rank(snapshot, query_vector, limit=ROWS) for stage in (two_stage, exact))
    np.testing.assert_array_equal(found.image_ids, best.image_ids)


@pytest.mark.parametrize("without", ["encoder", "candidates"])
def test_all_rows_are_ranked_exactly_without_codes(snapshot, rows, without):
    query_vector = query_vectors(snapshot, rows)[2]
    found = two_stage.rank(replace(snapshot, **{without: None}), query_vector, limit=10)
    np.testing.assert_array_equal(found.image_ids, exact.rank(snapshot, query_vector, limit=10).image_ids)


def test_no_segments_give_an_empty_ranking(snapshot, rows):
    found = two_stage.rank(replace(snapshot, segments=[]), query_vectors(snapshot, rows)[0], limit=10)
    assert (len(found.image_ids), found.total) == (0, 0)


def test_tuning_selects_enough_candidates_for_the_target_recall(snapshot, rows):
    candidates, recall = two_stage.tune_candidate_count(snapshot, query_vectors(snapshot, rows))
    assert two_stage.MIN_CANDIDATES <= candidates < ROWS // 4
    assert recall >= two_stage.TARGET_RECALL


def test_fewer_bits_need_more_candidates(snapshot, rows):
    encoder = random_rotation(rows.shape[1], 16)
    live_segments = [
        replace(live_segment, codes_and_scales=build_codes(live_segment.segment, snapshot.whitening, encoder))
        for live_segment in snapshot.segments
    ]
    coarse = replace(snapshot, segments=live_segments, encoder=encoder)
    queries = query_vectors(snapshot, rows)
    assert two_stage.tune_candidate_count(coarse, queries)[0] > two_stage.tune_candidate_count(snapshot, queries)[0]
