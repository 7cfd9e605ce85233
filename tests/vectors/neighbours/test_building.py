"""The neighbour graph, compared with the similarities of all pairs."""

import numpy as np
import pytest

from catalog.vectors.codes.binary_codes import random_rotation
from catalog.vectors.neighbours import augmentation, building
from catalog.vectors.neighbours.building import NeighbourFinder, compute_inverse_norms
from catalog.vectors.neighbours.lists import LIST_LENGTH, NeighbourLists
from catalog.vectors.projections.unsupervised import fit_centring
from catalog.vectors.snapshot import Snapshot
from tests.vectors import snapshots
from tests.vectors.random_vectors import CLUSTER_DIMENSIONS, clustered_vectors, random_unit_rows

ROWS = 600


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Snapshot:
    """Forty kinds in four segments with unordered ids; a ninth of the rows is dead."""
    rows = np.random.default_rng(1).permutation(clustered_vectors(40, 15, spread=0.3))
    return snapshots.build_snapshot(
        tmp_path_factory.mktemp("segments"),
        rows,
        np.random.default_rng(2).permutation(ROWS) + 1,
        starts=(300, 301, 500),
        live=np.arange(ROWS) % 9 > 0,
        projection=fit_centring(rows),
        encoder=random_rotation(np.zeros(CLUSTER_DIMENSIONS, np.float32)),
    )


@pytest.fixture(scope="module")
def live_rows(snapshot) -> np.ndarray:
    return snapshot.number_rows(snapshot.allowed_rows(None))


@pytest.fixture(scope="module")
def pairs(snapshot, live_rows) -> np.ndarray:
    """The similarities of all pairs of live rows, -inf for a row and itself."""
    projected = snapshot.project(snapshot.vectors(live_rows)).astype(np.float64)
    similarities = projected @ projected.T
    np.fill_diagonal(similarities, -np.inf)
    return similarities


@pytest.fixture
def few_exact_rows(monkeypatch):
    """Candidates are selected by their codes, a tenth of the rows for each."""
    monkeypatch.setattr(building, "MAX_EXACT_ROWS", 100)
    monkeypatch.setattr(building, "CANDIDATES", 60)


def test_lists_name_the_nearest_live_images_but_the_image_itself(snapshot, live_rows, pairs):
    lists = NeighbourFinder(snapshot).find(live_rows)
    nearest = np.argsort(-pairs, axis=1)[:, :LIST_LENGTH]
    image_ids = snapshot.row_index.image_ids(live_rows)
    assert np.mean(lists.image_ids == image_ids[nearest]) > 0.999  # rounding may swap two equally near images
    np.testing.assert_allclose(lists.similarities, np.take_along_axis(pairs, nearest, 1), atol=1e-3)
    assert not (lists.image_ids == image_ids[:, np.newaxis]).any()
    assert not lists.inverse_norms.any()


@pytest.mark.usefixtures("few_exact_rows")
@pytest.mark.parametrize("threads", [1, 2])
def test_candidates_selected_by_codes_contain_nearly_all_neighbours(snapshot, live_rows, pairs, threads):
    lists = NeighbourFinder(snapshot, threads).find(live_rows)
    image_ids = snapshot.row_index.image_ids(live_rows)
    nearest_ids = image_ids[np.argsort(-pairs, axis=1)[:, :LIST_LENGTH]]
    recall = [np.isin(expected, found).mean() for expected, found in zip(nearest_ids, lists.image_ids, strict=True)]
    assert np.mean(recall) > 0.98
    positions = np.searchsorted(np.sort(image_ids), lists.image_ids)
    columns = np.argsort(image_ids)[positions]
    np.testing.assert_allclose(lists.similarities, np.take_along_axis(pairs, columns, 1), atol=1e-3)
    assert (np.diff(lists.similarities, axis=1) <= 0).all()
    assert not (lists.image_ids == image_ids[:, np.newaxis]).any()


@pytest.mark.usefixtures("few_exact_rows")
def test_codes_do_not_compare_all_rows(snapshot, live_rows, monkeypatch):
    monkeypatch.setattr(NeighbourFinder, "_compare_all", None)
    assert NeighbourFinder(snapshot).find(live_rows[:3]).image_ids.all()


def test_lists_of_some_rows_are_those_of_all(snapshot, live_rows):
    finder = NeighbourFinder(snapshot)
    everything, some = finder.find(live_rows), finder.find(live_rows[5:400:7])
    np.testing.assert_array_equal(some.image_ids, everything.image_ids[5:400:7])


def test_progress_is_reported_up_to_the_last_row(snapshot, live_rows):
    done = []
    NeighbourFinder(snapshot).find(live_rows, done.append)
    assert done == sorted(done)
    assert len(done) > 1
    assert done[-1] == len(live_rows)


@pytest.mark.parametrize("count", [1, 2, LIST_LENGTH, LIST_LENGTH + 1])
def test_few_images_have_shorter_lists(tmp_path, count):
    snapshot = snapshots.build_snapshot(tmp_path, random_unit_rows(count), np.arange(count) + 1)
    lists = NeighbourFinder(snapshot).find(np.arange(count))
    for image_id, ids in enumerate(lists.image_ids.tolist(), start=1):
        assert sorted(ids, key=lambda other: other == 0) == ids
        assert sorted(filter(None, ids)) == [other for other in range(1, count + 1) if other != image_id]
    assert not lists.similarities[lists.image_ids == 0].any()


def test_images_with_ids_too_large_for_the_lists_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "MAX_IMAGE_ID", 3)
    snapshot = snapshots.build_snapshot(tmp_path, random_unit_rows(5), np.arange(5) + 1)
    lists = NeighbourFinder(snapshot).find(np.arange(5))
    assert sorted(set(lists.image_ids[4].tolist())) == [0, 1, 2, 3]


def test_inverse_norms_make_augmented_rows_unit_length(snapshot, live_rows):
    lists = NeighbourFinder(snapshot).find(live_rows)
    inverse_norms = compute_inverse_norms(snapshot, live_rows, lists)
    weights = np.maximum(lists.similarities.astype(np.float64), 0) ** augmentation.WEIGHT_EXPONENT
    projected = snapshot.project(snapshot.vectors(live_rows)).astype(np.float64)
    image_ids = snapshot.row_index.image_ids(live_rows)
    neighbours = projected[np.argsort(image_ids)[np.searchsorted(np.sort(image_ids), lists.image_ids)]]
    summed = projected + (weights[..., np.newaxis] * neighbours).sum(axis=1)
    np.testing.assert_allclose(inverse_norms, 1 / np.linalg.norm(summed, axis=1), rtol=1e-4)


class TestInsert:
    """Inserting images into lists of three rows: 0 is full, 1 has two entries, 2 is empty."""

    @pytest.fixture
    def lists(self) -> NeighbourLists:
        lists = NeighbourLists.empty(3)
        lists.image_ids[0] = np.arange(1, LIST_LENGTH + 1)
        lists.similarities[0] = np.linspace(0.9, 0.45, LIST_LENGTH)
        lists.image_ids[1, :2], lists.similarities[1, :2] = [20, 21], [0.5, -0.25]
        return lists

    def insert(self, lists: NeighbourLists, *entries: tuple[int, int, float]) -> list[int]:
        rows, image_ids, cosines = zip(*entries, strict=True)
        changed = building.insert(lists, np.array(rows), np.array(image_ids), np.array(cosines, np.float32))
        return changed.tolist()

    def test_a_full_list_stays_full_and_sorted(self, lists):
        assert self.insert(lists, (0, 99, 0.83)) == [0]
        assert lists.image_ids[0].tolist() == [1, 2, 99, 3, 4, 5, 6, 7, 8, 9]
        assert (np.diff(lists.similarities[0]) < 0).all()
        assert lists.similarities[0, 2] == np.float16(0.83)

    def test_an_image_less_similar_than_a_full_list_is_not_inserted(self, lists):
        before = lists.copy()
        assert self.insert(lists, (0, 99, 0.44)) == []
        np.testing.assert_array_equal(lists.image_ids, before.image_ids)

    def test_free_places_are_filled_with_any_image(self, lists):
        assert self.insert(lists, (1, 99, -0.5), (1, 98, 0.1), (2, 97, -0.1)) == [1, 2]
        assert lists.image_ids[1, :5].tolist() == [20, 98, 21, 99, 0]
        assert lists.image_ids[2, :2].tolist() == [97, 0]

    def test_an_image_is_named_once(self, lists):
        assert self.insert(lists, (0, 3, 0.99), (1, 21, 0.9)) == []

    def test_the_first_and_the_last_place_can_be_taken(self, lists):
        assert self.insert(lists, (0, 99, 0.95), (0, 98, 0.51)) == [0]
        assert lists.image_ids[0].tolist() == [99, 1, 2, 3, 4, 5, 6, 7, 8, 98]

    def test_many_inserted_images_give_the_lists_of_a_complete_search(self, tmp_path):
        snapshot = snapshots.build_snapshot(tmp_path, random_unit_rows(40), np.arange(40) + 1)
        projected = random_unit_rows(40).astype(np.float16).astype(np.float32)
        lists = NeighbourLists.empty(40)
        pairs = np.argwhere(~np.eye(40, dtype=bool))
        cosines = (projected[pairs[:, 0]] * projected[pairs[:, 1]]).sum(axis=1)
        building.insert(lists, pairs[:, 0], pairs[:, 1] + 1, cosines)
        expected = NeighbourFinder(snapshot).find(np.arange(40))
        np.testing.assert_allclose(lists.similarities, expected.similarities, atol=1e-3)
        assert np.mean(lists.image_ids == expected.image_ids) > 0.98
