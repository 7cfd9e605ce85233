"""Exact ranking gives what a plain loop over all rows gives."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.vectors.codes import rotated
from catalog.vectors.derived import derive
from catalog.vectors.exact import Ranking, above, rank
from catalog.vectors.projection import Projection, learn
from catalog.vectors.segments import Segment
from catalog.vectors.snapshot import LiveSegment, Snapshot

from .conftest import unit_rows

WHITENING = learn(unit_rows(300, 5) + np.float32(0.3))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Three segments of different lengths, two of them with rows alike, so that scores are equal."""
    from catalog.vectors import segments

    folder = tmp_path_factory.mktemp("segments")
    rows = unit_rows(30)
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
    parts: list[Segment], *, live: list[np.ndarray | None] | None = None, projection: Projection | None = None
) -> Snapshot:
    """These segments, each with which of its rows live."""
    made = [derive(part, projection, rotated(part.vectors.shape[1], 16)) if projection else None for part in parts]
    lives = live or [None] * len(parts)
    return Snapshot("test", [LiveSegment(*one) for one in zip(parts, lives, made, strict=True)], projection)


def passing_scores(ranked: Snapshot, query: np.ndarray, allowed: np.ndarray | None) -> dict[int, float]:
    """The score of every row that passes, by its image, the plain way: turned one by one, in 64 bits."""
    return {
        image_id: float(as_compared(ranked.projection, part.segment.vectors[row]) @ query)
        for part in ranked.segments
        for row, image_id in enumerate(part.segment.image_ids.tolist())
        if (part.live is None or part.live[row]) and (allowed is None or image_id in allowed)
    }


def as_compared(projection: Projection | None, vector: np.ndarray) -> np.ndarray:
    vector = vector.astype(np.float64)
    if projection is None:
        return vector
    turned = projection.matrix @ (vector - projection.mean)
    return turned / np.linalg.norm(turned)


@pytest.mark.parametrize("projection", [None, WHITENING], ids=["as they are", "whitened"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_it_ranks_as_a_plain_loop_does(parts, projection, data):
    live = [
        data.draw(st.none() | st.lists(st.booleans(), min_size=len(part), max_size=len(part)).map(np.array))
        for part in parts
    ]
    ranked = snapshot(parts, live=live, projection=projection)
    allowed = data.draw(st.none() | st.lists(st.integers(965, 1005), unique=True).map(lambda ids: np.array(ids, int)))
    row = unit_rows(31, data.draw(st.sampled_from([0, 7])))[data.draw(st.integers(0, 30))]
    query = ranked.whitened(row[None])[0]
    top = data.draw(st.integers(0, 40))

    ranking = rank(ranked, query, top=top, allowed=allowed)

    scores = passing_scores(ranked, query, allowed)
    best = sorted(scores.values(), reverse=True)[:top]
    found = ranking.image_ids.tolist()
    assert ranking.total == len(scores)
    assert ranking.scores.dtype == np.float32
    assert len(found) == len(set(found)) == len(best)
    assert (np.diff(ranking.scores) <= 0).all()
    # Sums of floats differ in their last bits with the order of adding: images that close may change places.
    assert [scores[image_id] for image_id in found] == pytest.approx(best, abs=1e-5)
    assert ranking.scores.tolist() == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("dimensions", [128, 512])
def test_an_identical_row_scores_1_however_close_the_catalogue_lies_together(tmp_path, dimensions):
    from catalog.vectors import segments

    chance = np.random.default_rng(0)
    for number, spread in enumerate((1.0, 0.1, 0.01)):
        rows = np.abs(1 + spread * chance.normal(size=(300, dimensions)))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        path = tmp_path / f"{number}.h5"
        digests = np.zeros((300, 32), np.uint8)
        segments.write(path, space="{}", vectors=rows, image_ids=np.arange(300), digests=digests)
        ranked = snapshot([segments.open_segment(path)], projection=learn(rows))
        for image_id, sought in enumerate(ranked.whitened(rows[:20])):
            best = rank(ranked, sought, top=1)
            assert best.image_ids.tolist() == [image_id]
            assert best.scores[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("allowed", [None, np.array([1, 100])], ids=["all", "some"])
def test_a_row_that_equals_the_mean_is_ranked_at_0(tmp_path, allowed):
    from catalog.vectors import segments

    rows = np.vstack([WHITENING.mean, unit_rows(3)]).astype(np.float32)
    ids, digests = np.array([100, 1, 2, 3]), np.zeros((4, 32), np.uint8)
    segments.write(tmp_path / "mean.h5", space="{}", vectors=rows, image_ids=ids, digests=digests)
    ranked = snapshot([segments.open_segment(tmp_path / "mean.h5")], projection=WHITENING)
    for sought in ranked.whitened(rows):
        ranking = rank(ranked, sought, top=9, allowed=allowed)
        assert ranking.scores[ranking.image_ids == 100].tolist() == [0]
        assert np.isfinite(ranking.scores).all()


@pytest.mark.parametrize("projection", [None, WHITENING], ids=["as they are", "whitened"])
def test_equal_scores_stand_in_order_of_image_id(written, projection):
    one, same = written("one.h5", first_id=100), written("two.h5", first_id=1)
    ranked = snapshot([one, same], projection=projection)
    ranking = rank(ranked, ranked.whitened(one.vectors[2:3])[0], top=2)
    assert ranking.image_ids.tolist() == [3, 102]
    assert ranking.scores[0] == ranking.scores[1] == pytest.approx(1.0)


@pytest.mark.parametrize("projection", [None, WHITENING], ids=["as they are", "whitened"])
def test_a_tie_at_the_end_is_cut_by_image_id(written, projection):
    alike = [written(f"{first}.h5", count=1, first_id=first) for first in (9, 4, 7, 1)]
    ranked = snapshot(alike, projection=projection)
    ranking = rank(ranked, ranked.whitened(alike[0].vectors)[0], top=2)
    assert ranking.image_ids.tolist() == [1, 4]
    assert ranking.total == 4


def test_no_segments_give_an_empty_ranking():
    for projection in (None, WHITENING):
        assert_empty(rank(snapshot([], projection=projection), unit_rows(1)[0], top=5))


def test_a_filter_that_nothing_passes_gives_an_empty_ranking(parts):
    for projection in (None, WHITENING):
        ranked = snapshot(parts, projection=projection)
        assert_empty(rank(ranked, unit_rows(1)[0], top=5, allowed=np.empty(0, np.int64)))


def test_a_segment_of_dead_rows_gives_nothing(written):
    for number, projection in enumerate((None, WHITENING)):
        ranked = snapshot([written(f"{number}.h5")], live=[np.zeros(5, bool)], projection=projection)
        assert_empty(rank(ranked, unit_rows(1)[0], top=5))


def test_more_asked_for_than_there_is_gives_all(parts):
    assert len(rank(snapshot(parts), unit_rows(1)[0], top=10_000).image_ids) == 30


def assert_empty(ranking: Ranking) -> None:
    assert ranking.total == len(ranking.image_ids) == len(ranking.scores) == 0


def test_what_scores_less_than_asked_is_left_out_and_not_counted(parts):
    sought = unit_rows(1, seed=9)[0]
    every = rank(snapshot(parts), sought, top=30)
    least = float(every.scores[7])
    found = above(snapshot(parts), sought, least=least, top=5)
    assert found.image_ids.tolist() == every.image_ids[:5].tolist()
    assert found.total == int((every.scores >= np.float32(least)).sum())
    best = int(every.image_ids[0])
    without = above(snapshot(parts), sought, least=least, top=30, without=best)
    assert best not in without.image_ids
    assert without.total == found.total - 1
    assert above(snapshot(parts), sought, least=least, top=30, without=int(every.image_ids[-1])).total == found.total
