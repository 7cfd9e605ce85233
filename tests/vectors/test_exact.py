"""Exact search ranks as a simple loop over all rows does."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.vectors.binary_codes import random_rotation
from catalog.vectors.code_files import build_codes
from catalog.vectors.exact import Ranking, rank, rank_above
from catalog.vectors.segments import Segment
from catalog.vectors.snapshot import LiveSegment, Snapshot
from catalog.vectors.whitening import Whitening, fit_whitening
from tests.vectors.conftest import random_unit_rows

WHITENING = fit_whitening(random_unit_rows(300, 5) + np.float32(0.3))


@pytest.fixture(scope="module")
def live_segments(tmp_path_factory):
    """Three segments of different lengths. Some rows occur twice, so that their scores are equal."""
    from catalog.vectors import segments

    folder = tmp_path_factory.mktemp("segments")
    rows = random_unit_rows(30)
    rows[25:30] = rows[0:5]
    opened, start = [], 0
    for number, length in enumerate((3, 17, 10)):
        path = folder / f"{number}.h5"
        segments.write(
            path,
            space="{}",
            vectors=rows[start : start + length],
            image_ids=1000 - np.arange(start, start + length),
            digests=np.zeros((length, 32), np.uint8),
        )
        opened.append(segments.open_segment(path))
        start += length
    return opened


def snapshot(
    live_segments: list[Segment],
    *,
    live: list[np.ndarray | None] | None = None,
    fitted_whitening: Whitening | None = None,
) -> Snapshot:
    """Return a snapshot of these segments with masks of live rows."""
    codes = [
        build_codes(segment, fitted_whitening, random_rotation(segment.vectors.shape[1], 16))
        if fitted_whitening
        else None
        for segment in live_segments
    ]
    masks = live or [None] * len(live_segments)
    rows = [LiveSegment(*parts) for parts in zip(live_segments, masks, codes, strict=True)]
    return Snapshot("test", rows, fitted_whitening)


def passing_scores(ranked: Snapshot, query: np.ndarray, allowed: np.ndarray | None) -> dict[int, float]:
    """Return the scores of all allowed rows by image id, computed row by row in float64."""
    return {
        image_id: float(whiten_row(ranked.whitening, live_segment.segment.vectors[row]) @ query)
        for live_segment in ranked.segments
        for row, image_id in enumerate(live_segment.segment.image_ids.tolist())
        if (live_segment.live_mask is None or live_segment.live_mask[row]) and (allowed is None or image_id in allowed)
    }


def whiten_row(fitted_whitening: Whitening | None, vector: np.ndarray) -> np.ndarray:
    """Whiten and normalise one row in float64."""
    vector = vector.astype(np.float64)
    if fitted_whitening is None:
        return vector
    projected = fitted_whitening.matrix @ (vector - fitted_whitening.mean)
    return projected / np.linalg.norm(projected)


@pytest.mark.slow
@pytest.mark.parametrize("fitted_whitening", [None, WHITENING], ids=["as they are", "whitened"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_it_ranks_as_a_simple_loop_does(live_segments, fitted_whitening, data):
    live = [
        data.draw(st.none() | st.lists(st.booleans(), min_size=len(segment), max_size=len(segment)).map(np.array))
        for segment in live_segments
    ]
    ranked = snapshot(live_segments, live=live, fitted_whitening=fitted_whitening)
    allowed = data.draw(st.none() | st.lists(st.integers(965, 1005), unique=True).map(lambda ids: np.array(ids, int)))
    row = random_unit_rows(31, data.draw(st.sampled_from([0, 7])))[data.draw(st.integers(0, 30))]
    query = ranked.whiten(row[None])[0]
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
    from catalog.vectors import segments

    rng = np.random.default_rng(0)
    for number, spread in enumerate((1.0, 0.1, 0.01)):
        rows = np.abs(1 + spread * rng.normal(size=(300, dimensions)))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        path = tmp_path / f"{number}.h5"
        digests = np.zeros((300, 32), np.uint8)
        segments.write(path, space="{}", vectors=rows, image_ids=np.arange(300), digests=digests)
        ranked = snapshot([segments.open_segment(path)], fitted_whitening=fit_whitening(rows))
        for image_id, query_vector in enumerate(ranked.whiten(rows[:20])):
            best = rank(ranked, query_vector, limit=1)
            assert best.image_ids.tolist() == [image_id]
            assert best.scores[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("allowed", [None, np.array([1, 100])], ids=["all", "some"])
def test_a_row_that_equals_the_mean_scores_0(tmp_path, allowed):
    from catalog.vectors import segments

    rows = np.vstack([WHITENING.mean, random_unit_rows(3)]).astype(np.float32)
    ids, digests = np.array([100, 1, 2, 3]), np.zeros((4, 32), np.uint8)
    segments.write(tmp_path / "mean.h5", space="{}", vectors=rows, image_ids=ids, digests=digests)
    ranked = snapshot([segments.open_segment(tmp_path / "mean.h5")], fitted_whitening=WHITENING)
    for query_vector in ranked.whiten(rows):
        ranking = rank(ranked, query_vector, limit=9, allowed_ids=allowed)
        assert ranking.scores[ranking.image_ids == 100].tolist() == [0]
        assert np.isfinite(ranking.scores).all()


@pytest.mark.parametrize("fitted_whitening", [None, WHITENING], ids=["as they are", "whitened"])
def test_equal_scores_are_in_order_of_image_id(write_segment, fitted_whitening):
    first, second = write_segment("one.h5", first_id=100), write_segment("two.h5", first_id=1)
    ranked = snapshot([first, second], fitted_whitening=fitted_whitening)
    ranking = rank(ranked, ranked.whiten(first.vectors[2:3])[0], limit=2)
    assert ranking.image_ids.tolist() == [3, 102]
    assert ranking.scores[0] == ranking.scores[1] == pytest.approx(1.0)


@pytest.mark.parametrize("fitted_whitening", [None, WHITENING], ids=["as they are", "whitened"])
def test_a_tie_at_the_end_is_cut_by_image_id(write_segment, fitted_whitening):
    identical = [write_segment(f"{first}.h5", count=1, first_id=first) for first in (9, 4, 7, 1)]
    ranked = snapshot(identical, fitted_whitening=fitted_whitening)
    ranking = rank(ranked, ranked.whiten(identical[0].vectors)[0], limit=2)
    assert ranking.image_ids.tolist() == [1, 4]
    assert ranking.total == 4


def test_no_segments_give_an_empty_ranking():
    for fitted_whitening in (None, WHITENING):
        assert_empty(rank(snapshot([], fitted_whitening=fitted_whitening), random_unit_rows(1)[0], limit=5))


def test_a_filter_without_matches_gives_an_empty_ranking(live_segments):
    for fitted_whitening in (None, WHITENING):
        ranked = snapshot(live_segments, fitted_whitening=fitted_whitening)
        assert_empty(rank(ranked, random_unit_rows(1)[0], limit=5, allowed_ids=np.empty(0, np.int64)))


def test_a_segment_of_dead_rows_gives_an_empty_ranking(write_segment):
    for number, fitted_whitening in enumerate((None, WHITENING)):
        ranked = snapshot([write_segment(f"{number}.h5")], live=[np.zeros(5, bool)], fitted_whitening=fitted_whitening)
        assert_empty(rank(ranked, random_unit_rows(1)[0], limit=5))


def test_limit_above_row_count_returns_all(live_segments):
    assert len(rank(snapshot(live_segments), random_unit_rows(1)[0], limit=10_000).image_ids) == 30


def assert_empty(ranking: Ranking) -> None:
    assert ranking.total == len(ranking.image_ids) == len(ranking.scores) == 0


def test_rows_below_min_score_are_omitted_and_not_counted(live_segments):
    query_vector = random_unit_rows(1, seed=9)[0]
    complete = rank(snapshot(live_segments), query_vector, limit=30)
    min_score = float(complete.scores[7])
    found = rank_above(snapshot(live_segments), query_vector, min_score=min_score, limit=5)
    assert found.image_ids.tolist() == complete.image_ids[:5].tolist()
    assert found.total == int((complete.scores >= np.float32(min_score)).sum())
    best = int(complete.image_ids[0])
    without = rank_above(snapshot(live_segments), query_vector, min_score=min_score, limit=30, exclude_image=best)
    assert best not in without.image_ids
    assert without.total == found.total - 1
    assert (
        rank_above(
            snapshot(live_segments),
            query_vector,
            min_score=min_score,
            limit=30,
            exclude_image=int(complete.image_ids[-1]),
        ).total
        == found.total
    )
