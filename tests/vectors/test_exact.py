"""Exact search ranks as a simple loop over all rows does."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.vectors import two_stage
from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.codes.code_files import build_codes
from catalog.vectors.exact import Ranking, rank, rank_above
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.neighbours.lists import LIST_LENGTH, NeighbourLists
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_whitening
from catalog.vectors.segments import Segment
from catalog.vectors.snapshot import LiveSegment, Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import random_unit_rows, unit_rows

WHITENING = fit_whitening(random_unit_rows(300, 5) + np.float32(0.3), 4.0)
# Descriptors are stored as float16 numbers.
ROUNDING_ERROR = 1e-3
projections = pytest.mark.parametrize("projection", [None, WHITENING], ids=["as they are", "whitened"])


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Three segments of different lengths. Some rows occur twice, so that their scores are equal."""
    folder = tmp_path_factory.mktemp("segments")
    rows = random_unit_rows(30)
    rows[25:30] = rows[0:5]
    return [
        snapshots.write_segment(folder / f"{number}.h5", rows[positions], 1000 - positions)
        for number, positions in enumerate(np.split(np.arange(30), [3, 20]))
    ]


def snapshot(
    segments: list[Segment], *, live: list[np.ndarray | None] | None = None, projection: Projection | None = None
) -> Snapshot:
    """Return a snapshot of these segments with masks of live rows."""
    codes = [
        build_codes(segment, projection, random_rotation(np.zeros(segment.vectors.shape[1], np.float32), 16))
        if projection
        else None
        for segment in segments
    ]
    masks = live or [None] * len(segments)
    rows = [LiveSegment(*parts) for parts in zip(segments, masks, codes, strict=True)]
    return Snapshot("test", rows, projection)


def plain_query(ranked: Snapshot, vector: np.ndarray) -> ExpandedQuery:
    """Return the query with a descriptor, without neighbours."""
    return ExpandedQuery(ranked.project(vector[np.newaxis])[0])


def passing_scores(ranked: Snapshot, query: ExpandedQuery, allowed: np.ndarray | None) -> dict[int, float]:
    """Return the scores of all allowed rows by image id, computed row by row in float64."""
    return {
        image_id: float(project_row(ranked.projection, live_segment.segment.vectors[row]) @ query.plain)
        for live_segment in ranked.segments
        for row, image_id in enumerate(live_segment.segment.image_ids.tolist())
        if (live_segment.live_mask is None or live_segment.live_mask[row]) and (allowed is None or image_id in allowed)
    }


def project_row(projection: Projection | None, vector: np.ndarray) -> np.ndarray:
    """Project and normalise one row in float64."""
    vector = vector.astype(np.float64)
    if projection is None:
        return vector
    projected = projection.matrix @ (vector - projection.mean)
    return projected / np.linalg.norm(projected)


@pytest.mark.slow
@projections
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_it_ranks_as_a_simple_loop_does(segments, projection, data):
    live = [
        data.draw(st.none() | st.lists(st.booleans(), min_size=len(segment), max_size=len(segment)).map(np.array))
        for segment in segments
    ]
    ranked = snapshot(segments, live=live, projection=projection)
    allowed = data.draw(st.none() | st.lists(st.integers(965, 1005), unique=True).map(lambda ids: np.array(ids, int)))
    row = random_unit_rows(31, data.draw(st.sampled_from([0, 7])))[data.draw(st.integers(0, 30))]
    query = plain_query(ranked, row)
    limit = data.draw(st.integers(0, 40))

    ranking = rank(ranked, query, limit=limit, allowed_ids=allowed)

    scores = passing_scores(ranked, query, allowed)
    best = sorted(scores.values(), reverse=True)[:limit]
    ids = ranking.image_ids.tolist()
    assert ranking.total == len(scores)
    assert ranking.scores.dtype == np.float32
    assert len(ids) == len(set(ids)) == len(best)
    assert (np.diff(ranking.scores) <= 0).all()
    # The order of summation changes the last bits of scores, so rows with nearly equal scores may swap.
    assert [scores[image_id] for image_id in ids] == pytest.approx(best, abs=1e-5)
    assert ranking.scores.tolist() == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("dimensions", [128, 512])
def test_an_identical_row_scores_1_even_if_all_rows_are_similar(tmp_path, dimensions):
    rng = np.random.default_rng(0)
    for number, spread in enumerate((1.0, 0.1, 0.01)):
        rows = np.abs(1 + spread * rng.normal(size=(300, dimensions)))
        rows = unit_rows(rows)
        segment = snapshots.write_segment(tmp_path / f"{number}.h5", rows, np.arange(1, 301))
        stored = segment.vectors.astype(np.float32)
        ranked = snapshot([segment], projection=fit_whitening(stored, 4.0))
        for image_id, row in enumerate(stored[:20], start=1):
            best = rank(ranked, plain_query(ranked, row), limit=1)
            assert best.image_ids.tolist() == [image_id]
            assert best.scores[0] == pytest.approx(1, abs=2e-5)


@pytest.mark.parametrize("allowed", [None, np.array([1, 100])], ids=["all", "some"])
def test_a_row_that_equals_the_mean_scores_0(tmp_path, allowed):
    rows = np.vstack([WHITENING.mean, random_unit_rows(3)]).astype(np.float16)
    segment = snapshots.write_segment(tmp_path / "mean.h5", rows, np.array([100, 1, 2, 3]))
    ranked = snapshot([segment], projection=Projection(rows[0].astype(np.float32), WHITENING.matrix))
    for row in rows:
        ranking = rank(ranked, plain_query(ranked, row), limit=9, allowed_ids=allowed)
        assert ranking.scores[ranking.image_ids == 100].tolist() == [0]
        assert np.isfinite(ranking.scores).all()


@projections
def test_equal_scores_are_in_order_of_image_id(write_segment, projection):
    first, second = write_segment("one.h5", first_id=100), write_segment("two.h5", first_id=1)
    ranked = snapshot([first, second], projection=projection)
    ranking = rank(ranked, plain_query(ranked, first.vectors[2]), limit=2)
    assert ranking.image_ids.tolist() == [3, 102]
    assert ranking.scores[0] == ranking.scores[1] == pytest.approx(1.0, abs=ROUNDING_ERROR)


@projections
def test_a_tie_at_the_end_is_cut_by_image_id(write_segment, projection):
    identical = [write_segment(f"{first}.h5", count=1, first_id=first) for first in (9, 4, 7, 1)]
    ranked = snapshot(identical, projection=projection)
    ranking = rank(ranked, plain_query(ranked, identical[0].vectors[0]), limit=2)
    assert ranking.image_ids.tolist() == [1, 4]
    assert ranking.total == 4


def test_no_segments_give_an_empty_ranking():
    for projection in (None, WHITENING):
        ranked = snapshot([], projection=projection)
        assert_empty(rank(ranked, plain_query(ranked, random_unit_rows(1)[0]), limit=5))


def test_a_filter_without_matches_gives_an_empty_ranking(segments):
    for projection in (None, WHITENING):
        ranked = snapshot(segments, projection=projection)
        query = plain_query(ranked, random_unit_rows(1)[0])
        assert_empty(rank(ranked, query, limit=5, allowed_ids=np.empty(0, np.int64)))


def test_a_segment_of_dead_rows_gives_an_empty_ranking(write_segment):
    for number, projection in enumerate((None, WHITENING)):
        ranked = snapshot([write_segment(f"{number}.h5")], live=[np.zeros(5, bool)], projection=projection)
        assert_empty(rank(ranked, plain_query(ranked, random_unit_rows(1)[0]), limit=5))


def test_limit_above_row_count_returns_all(segments):
    assert len(rank(snapshot(segments), ExpandedQuery(random_unit_rows(1)[0]), limit=10_000).image_ids) == 30


def assert_empty(ranking: Ranking) -> None:
    assert ranking.total == len(ranking.image_ids) == len(ranking.scores) == 0


def test_rows_below_min_score_are_omitted_and_not_counted(segments):
    query = ExpandedQuery(random_unit_rows(1, seed=9)[0])
    complete = rank(snapshot(segments), query, limit=30)
    min_score = float(complete.scores[7])
    found = rank_above(snapshot(segments), query, min_score=min_score, limit=5)
    assert found.image_ids.tolist() == complete.image_ids[:5].tolist()
    assert found.total == int((complete.scores >= np.float32(min_score)).sum())
    best = int(complete.image_ids[0])
    without = rank_above(snapshot(segments), query, min_score=min_score, limit=30, exclude_image=best)
    assert best not in without.image_ids
    assert without.total == found.total - 1
    assert (
        rank_above(
            snapshot(segments),
            query,
            min_score=min_score,
            limit=30,
            exclude_image=int(complete.image_ids[-1]),
        ).total
        == found.total
    )


def test_a_row_is_left_out_of_a_ranking_afterwards(segments):
    complete = rank(snapshot(segments), ExpandedQuery(random_unit_rows(1, seed=9)[0]), limit=10)
    second = int(complete.image_ids[1])
    without = complete.without(second)
    assert without.image_ids.tolist() == complete.image_ids[[0, *range(2, 10)]].tolist()
    assert without.scores.tolist() == complete.scores[[0, *range(2, 10)]].tolist()
    assert len(without.similarities) == 9
    assert without.total == complete.total - 1


class TestNeighbours:
    """Ranking with neighbour lists."""

    @pytest.fixture
    def ranked(self, segments) -> Snapshot:
        return snapshots.add_neighbours(snapshot(segments, projection=WHITENING))

    @pytest.fixture
    def query(self, ranked) -> ExpandedQuery:
        return two_stage.expand_query(ranked, ranked.project(random_unit_rows(1, seed=9))[0])

    def test_rows_are_in_order_of_their_scores_and_keep_their_similarities(self, ranked, query):
        ranking = rank(ranked, query, limit=30)
        assert (np.diff(ranking.scores) <= 0).all()
        assert (ranking.similarities <= ranking.scores).all()
        assert (ranking.similarities < ranking.scores).any()
        similarities = passing_scores(ranked, query, None)
        expected = [similarities[pk] for pk in ranking.image_ids.tolist()]
        assert ranking.similarities.tolist() == pytest.approx(expected, abs=1e-5)

    def test_neighbours_that_the_filter_excludes_inform_the_ranking(self, ranked, query):
        complete = rank(ranked, query, limit=30)
        scores = dict(zip(complete.image_ids.tolist(), complete.scores.tolist(), strict=True))
        allowed = complete.image_ids[::7]
        filtered = rank(ranked, query, limit=30, allowed_ids=allowed)
        assert filtered.image_ids.tolist() == allowed.tolist()
        assert filtered.total == len(allowed)
        assert filtered.scores.tolist() == pytest.approx([scores[pk] for pk in allowed.tolist()], abs=1e-6)

    def test_rows_above_a_score_are_selected_by_the_score_with_neighbours(self, ranked, query):
        complete = rank(ranked, query, limit=30)
        first = int(np.flatnonzero(complete.scores > complete.similarities + 1e-3)[0])
        found = rank_above(ranked, query, min_score=float(complete.scores[first]), limit=30)
        assert int(complete.image_ids[first]) in found.image_ids
        assert found.total == int((complete.scores >= complete.scores[first]).sum())


@pytest.mark.slow
def test_ranking_does_not_copy_the_store(tmp_path):
    count, dimensions = 20_000, 512
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, dimensions)).astype(np.float32)
    ranked = snapshots.build_snapshot(
        tmp_path,
        rows / np.linalg.norm(rows, axis=1, keepdims=True),
        np.arange(count) + 1,
        starts=(12_000,),
        projection=Projection(np.zeros(dimensions, np.float32)),
        encoder=random_rotation(np.zeros(dimensions, np.float32), 64),
    )
    lists = NeighbourLists(
        rng.integers(1, count + 1, (count, LIST_LENGTH), dtype=np.uint32),
        np.full((count, LIST_LENGTH), 0.5, np.float16),
        np.ones(count, np.float32),
    )
    ranked = snapshots.set_lists(ranked, lists)
    query = two_stage.expand_query(ranked, ranked.project(rows[:1])[0])
    tracemalloc.start()
    ranking = rank(ranked, query, limit=10)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ranking.total == count
    assert peak_bytes < rows.nbytes / 4
