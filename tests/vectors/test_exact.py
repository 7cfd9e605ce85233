"""Exact ranking gives what a plain loop over all rows gives."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.vectors.exact import LiveSegment, Ranking, rank

from .conftest import unit_rows


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


def passing_scores(parts: list[LiveSegment], query: np.ndarray, allowed: np.ndarray | None) -> dict[int, float]:
    """The score of every row that passes, by its image, the plain way."""
    return {
        image_id: float(part.segment.vectors[row].astype(np.float64) @ query)
        for part in parts
        for row, image_id in enumerate(part.segment.image_ids.tolist())
        if (part.live is None or part.live[row]) and (allowed is None or image_id in allowed)
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_it_ranks_as_a_plain_loop_does(parts, data):
    live = [
        data.draw(st.none() | st.lists(st.booleans(), min_size=len(part), max_size=len(part)).map(np.array))
        for part in parts
    ]
    segments = [LiveSegment(*pair) for pair in zip(parts, live, strict=True)]
    allowed = data.draw(st.none() | st.lists(st.integers(965, 1005), unique=True).map(lambda ids: np.array(ids, int)))
    query = unit_rows(31, data.draw(st.sampled_from([0, 7])))[data.draw(st.integers(0, 30))]
    top = data.draw(st.integers(0, 40))

    ranking = rank(segments, query, top=top, allowed=allowed)

    scores = passing_scores(segments, query, allowed)
    best = sorted(scores.values(), reverse=True)[:top]
    found = ranking.image_ids.tolist()
    assert ranking.total == len(scores)
    assert len(found) == len(set(found)) == len(best)
    assert (np.diff(ranking.scores) <= 0).all()
    # Sums of floats differ in their last bits with the order of adding: images that close may change places.
    assert [scores[image_id] for image_id in found] == pytest.approx(best, abs=1e-5)
    assert ranking.scores.tolist() == pytest.approx(best, abs=1e-5)


def whole(parts: list) -> list[LiveSegment]:
    return [LiveSegment(part, None) for part in parts]


def test_equal_scores_stand_in_order_of_image_id(written):
    one, same = written("one.h5", first_id=100), written("two.h5", first_id=1)
    ranking = rank([LiveSegment(one, None), LiveSegment(same, None)], np.array(one.vectors[2]), top=2)
    assert ranking.image_ids.tolist() == [3, 102]
    assert ranking.scores[0] == ranking.scores[1] == pytest.approx(1.0)


def test_a_tie_at_the_end_is_cut_by_image_id(written):
    alike = [written(f"{first}.h5", count=1, first_id=first) for first in (9, 4, 7, 1)]
    ranking = rank(whole(alike), np.array(alike[0].vectors[0]), top=2)
    assert ranking.image_ids.tolist() == [1, 4]
    assert ranking.total == 4


def test_no_segments_give_an_empty_ranking():
    assert_empty(rank([], unit_rows(1)[0], top=5))


def test_a_filter_that_nothing_passes_gives_an_empty_ranking(parts):
    assert_empty(rank(whole(parts), unit_rows(1)[0], top=5, allowed=np.empty(0, np.int64)))


def test_a_segment_of_dead_rows_gives_nothing(written):
    assert_empty(rank([LiveSegment(written(), np.zeros(5, bool))], unit_rows(1)[0], top=5))


def test_more_asked_for_than_there_is_gives_all(parts):
    assert len(rank(whole(parts), unit_rows(1)[0], top=10_000).image_ids) == 30


def assert_empty(ranking: Ranking) -> None:
    assert ranking.total == len(ranking.image_ids) == len(ranking.scores) == 0
