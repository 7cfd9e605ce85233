"""Two stages against one: the same hits, but for what the codes miss."""

from dataclasses import replace

import numpy as np
import pytest

from catalog.vectors import exact, projection, segments, two_stage
from catalog.vectors.codes import rotated
from catalog.vectors.derived import derive
from catalog.vectors.snapshot import LiveSegment, Snapshot
from tests.described import kinds

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).permutation(kinds(150, 20, spread=0.3)).astype(np.float32)


@pytest.fixture(scope="module")
def snapshot(rows, tmp_path_factory):
    """All rows in five segments of unlike length, the ids in no order; a tenth of the second is dead."""
    folder = tmp_path_factory.mktemp("segments")
    whitening = projection.learn(rows)
    coder = rotated(rows.shape[1], 256)
    ids = np.random.default_rng(2).permutation(ROWS) + 1
    parts = []
    for number, chosen in enumerate(np.split(np.arange(ROWS), [1500, 2300, 2301, 2900])):
        path = folder / f"{number}.h5"
        digests = np.zeros((len(chosen), 32), np.uint8)
        segments.write(path, space="{}", vectors=rows[chosen], image_ids=ids[chosen], digests=digests)
        segment = segments.open_segment(path)
        live = np.arange(len(chosen)) % 10 > 0 if number == 1 else None
        parts.append(LiveSegment(segment, live, derive(segment, whitening, coder)))
    return Snapshot("test", parts, whitening, coder, candidates=150)


@pytest.fixture(autouse=True)
def few_rows_are_many(monkeypatch):
    monkeypatch.setattr(two_stage, "EXACT_BELOW", 200)


def living(snapshot: Snapshot) -> np.ndarray:
    return np.concatenate([part.segment.image_ids[part.rows()] for part in snapshot.segments])


def asked(snapshot: Snapshot, rows: np.ndarray, count: int = 60) -> np.ndarray:
    return snapshot.whitened(rows[:: ROWS // count])


def test_of_the_ten_best_ninety_nine_in_a_hundred_are_found(snapshot, rows):
    found = [
        np.isin(exact.rank(snapshot, one, top=10).image_ids, two_stage.rank(snapshot, one, top=10).image_ids).mean()
        for one in asked(snapshot, rows)
    ]
    assert np.mean(found) >= 0.99


def test_the_scores_of_what_is_found_are_those_of_exact_search(snapshot, rows):
    sought = asked(snapshot, rows)[3]
    found, best = two_stage.rank(snapshot, sought, top=10), exact.rank(snapshot, sought, top=10)
    assert found.total == best.total == len(living(snapshot))
    scores = dict(zip(best.image_ids.tolist(), best.scores, strict=True))
    for pk, score in zip(found.image_ids.tolist(), found.scores, strict=True):
        assert score == pytest.approx(scores.get(pk, score), abs=1e-5)
    assert (np.diff(found.scores) <= 0).all()


def test_not_every_row_is_compared(snapshot, rows, monkeypatch):
    chosen = []
    best_of = exact.best_of

    def counted(snapshot, sought, rows, **options):
        chosen.append(exact.count(snapshot, rows))
        return best_of(snapshot, sought, rows, **options)

    monkeypatch.setattr(exact, "best_of", counted)
    two_stage.rank(snapshot, asked(snapshot, rows)[0], top=10)
    assert chosen == [150]


def test_a_dead_row_is_never_found(snapshot, rows):
    alive = set(living(snapshot).tolist())
    for sought in asked(snapshot, rows):
        assert set(two_stage.rank(snapshot, sought, top=40).image_ids.tolist()) <= alive


def test_a_filter_that_leaves_thirty_returns_all_thirty(snapshot, rows):
    allowed = np.sort(np.random.default_rng(3).choice(living(snapshot), 30, replace=False))
    found = two_stage.rank(snapshot, asked(snapshot, rows)[0], top=100, allowed=allowed)
    assert found.total == 30
    assert np.array_equal(np.sort(found.image_ids), allowed)


def test_a_wide_filter_is_applied_before_the_codes_choose(snapshot, rows):
    allowed = np.random.default_rng(4).choice(living(snapshot), 1200, replace=False)
    recalls = []
    for sought in asked(snapshot, rows, 30):
        found = two_stage.rank(snapshot, sought, top=10, allowed=allowed)
        assert found.total == 1200
        assert np.isin(found.image_ids, allowed).all()
        best = exact.rank(snapshot, sought, top=10, allowed=allowed)
        recalls.append(np.isin(best.image_ids, found.image_ids).mean())
    assert np.mean(recalls) >= 0.99


def test_a_filter_of_ids_that_are_not_here_leaves_nothing(snapshot, rows):
    sought = asked(snapshot, rows)[0]
    for allowed in (np.array([10**9]), np.empty(0, np.int64)):
        found = two_stage.rank(snapshot, sought, top=10, allowed=allowed)
        assert (len(found.image_ids), found.total) == (0, 0)


def test_far_down_the_ranking_everything_is_compared(snapshot, rows):
    sought = asked(snapshot, rows)[1]
    found, best = (stage.rank(snapshot, sought, top=ROWS) for stage in (two_stage, exact))
    np.testing.assert_array_equal(found.image_ids, best.image_ids)


@pytest.mark.parametrize("without", ["coder", "candidates"])
def test_without_codes_everything_is_compared(snapshot, rows, without):
    sought = asked(snapshot, rows)[2]
    found = two_stage.rank(replace(snapshot, **{without: None}), sought, top=10)
    np.testing.assert_array_equal(found.image_ids, exact.rank(snapshot, sought, top=10).image_ids)


def test_no_segments_give_an_empty_ranking(snapshot, rows):
    found = two_stage.rank(replace(snapshot, segments=[]), asked(snapshot, rows)[0], top=10)
    assert (len(found.image_ids), found.total) == (0, 0)


def test_so_many_candidates_are_asked_for_as_recall_takes(snapshot, rows):
    candidates, recall = two_stage.tune(snapshot, asked(snapshot, rows))
    assert two_stage.FEWEST <= candidates < ROWS // 4
    assert recall >= two_stage.RECALL


def test_fewer_bits_take_more_candidates(snapshot, rows):
    coder = rotated(rows.shape[1], 16)
    parts = [replace(part, derived=derive(part.segment, snapshot.projection, coder)) for part in snapshot.segments]
    coarse = replace(snapshot, segments=parts, coder=coder)
    queries = asked(snapshot, rows)
    assert two_stage.tune(coarse, queries)[0] > two_stage.tune(snapshot, queries)[0]
