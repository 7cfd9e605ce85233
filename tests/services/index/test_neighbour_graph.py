"""The neighbour graph: made by a rebuild, and kept up with the catalogue."""

import h5py
import numpy as np
import pytest

from catalog.models import Generation, Image, Segment
from catalog.services.index import (
    code_cache,
    live_index,
    merging,
    neighbour_graph,
    rebuilding,
    spaces,
    store,
)
from catalog.services.index.live_index import INDEX
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors.neighbours.building import NeighbourFinder
from catalog.vectors.neighbours.lists import LIST_LENGTH, NeighbourLists
from catalog.vectors.segments import open_segment
from catalog.vectors.snapshot import Snapshot
from tests import indexed_images
from tests.vectors.neighbours.dense_reference import DenseReference

CLUSTER_SIZE = 10


@pytest.fixture
def linked_images(db) -> list[Image]:
    """120 images of twelve kinds in one segment, with neighbour lists."""
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, CLUSTER_SIZE))
    rebuilding.rebuild()
    return images


def snapshot() -> Snapshot:
    return INDEX.view(spaces.active_generation()).snapshot


def list_of(image: Image) -> NeighbourLists:
    return snapshot().neighbours_of(snapshot().row_index.rows_of(np.array([image.pk])))


def all_lists() -> NeighbourLists:
    """The lists of all images, in the order of `DenseReference`."""
    present = snapshot()
    return present.neighbours_of(present.number_rows(present.allowed_rows(None)))


def lists_by_image() -> dict[int, tuple]:
    lists = all_lists()
    values = zip(*(array.tolist() for array in lists.arrays().values()), strict=True)
    return dict(zip(DenseReference(snapshot()).ids.tolist(), values, strict=True))


def assert_lists_are_right() -> None:
    """Each list names the nearest images, and its norm is that of the sum of their descriptors."""
    reference, lists = DenseReference(snapshot()), all_lists()
    similarities = reference.plain @ reference.plain.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = np.argsort(-similarities, axis=1)[:, :LIST_LENGTH]
    expected = np.take_along_axis(similarities, nearest, axis=1)
    assert lists.similarities.astype(np.float64) == pytest.approx(expected, abs=1e-3)
    assert (np.sort(lists.image_ids, axis=1) == np.sort(reference.ids[nearest], axis=1)).mean() > 0.99  # ties
    sums = reference.plain + np.einsum("nj,njk->nk", np.maximum(expected, 0) ** 2, reference.plain[nearest])
    assert 1 / lists.inverse_norms == pytest.approx(np.linalg.norm(sums, axis=1), rel=2e-3)


def add_twin(position: int) -> Image:
    """Add an image that is very similar to an earlier one."""
    vector = indexed_images.clustered_vectors(12, CLUSTER_SIZE)[[position]]
    noise = np.random.default_rng(Image.objects.count()).normal(size=vector.shape)
    return indexed_images.add_indexed_images(indexed_images.normalise(vector + 0.001 * noise))[0]


def stored_lists() -> set[str]:
    key = live_index.comparison_key(spaces.active_generation())
    return {path.name for path in code_cache.neighbours_path(key, only_segment()).parent.glob("*.h5")}


def only_segment():
    return open_segment(store.segment_path(Segment.objects.first().name))


def test_a_rebuild_makes_all_lists(linked_images):
    assert_lists_are_right()


def test_lists_of_several_segments_name_images_of_all(db, monkeypatch):
    monkeypatch.setattr(merging, "MAX_MERGED_ROWS", 50)
    vectors = np.random.default_rng(0).permutation(indexed_images.clustered_vectors(12, CLUSTER_SIZE))
    for part in np.split(vectors, 3):
        indexed_images.add_indexed_images(part)
    rebuilding.rebuild()
    assert Segment.objects.count() == 3
    assert_lists_are_right()


def test_progress_counts_the_rows(linked_images):
    steps = []
    add_twin(0)
    neighbour_graph.update(spaces.active_generation(), lambda *step: steps.append(step))
    assert steps == [("finding neighbours", 1, 1)]


def test_an_unchanged_catalogue_needs_no_update(linked_images, monkeypatch):
    monkeypatch.setattr(NeighbourFinder, "find", None)
    monkeypatch.setattr(code_cache, "save_neighbours", None)
    neighbour_graph.update(spaces.active_generation())


def test_an_added_image_gets_a_list_and_a_place_in_the_lists_of_its_neighbours(linked_images):
    new = add_twin(25)
    assert list_of(new).inverse_norms == [0]
    assert new.pk not in all_lists().image_ids
    rebuilding.maintain()
    assert list_of(new).image_ids[0, 0] == linked_images[25].pk
    assert list_of(linked_images[25]).image_ids[0, 0] == new.pk
    assert_lists_are_right()


def test_images_that_are_added_together_name_each_other(linked_images):
    first, second = add_twin(25), add_twin(25)
    rebuilding.maintain()
    alike = [linked_images[25], first, second]
    for image in alike:
        assert set(list_of(image).image_ids[0, :2].tolist()) == {other.pk for other in alike if other != image}


def score_of(image: Image, query_image: Image) -> float:
    hits = ranking.search_similar(query_image, SearchOptions(limit=200)).hits
    return next(hit.score for hit in hits if hit.image == image)


def test_an_image_whose_list_names_a_deleted_one_is_ranked_by_itself_until_the_list_is_made_again(linked_images):
    deleted, neighbour = linked_images[30], linked_images[31]
    assert deleted.pk in list_of(neighbour).image_ids
    deletion.delete(Image.objects.filter(pk=deleted.pk))

    query = queries.image_query(linked_images[0])
    before = DenseReference(snapshot())
    row = before.ids.tolist().index(neighbour.pk)
    assert np.array_equal(before.augmented[row], before.plain[row])
    query_vector = ranking.projected_query(query, snapshot())
    expected = before.score(query_vector, linked_images[0].pk)[row]
    assert score_of(neighbour, linked_images[0]) == pytest.approx(expected, abs=1e-3)

    rebuilding.maintain()
    assert deleted.pk not in all_lists().image_ids
    assert_lists_are_right()
    after = DenseReference(snapshot())
    assert not np.array_equal(after.augmented[row], after.plain[row])
    assert score_of(neighbour, linked_images[0]) == pytest.approx(
        after.score(query_vector, linked_images[0].pk)[row], abs=1e-3
    )


def test_merging_carries_lists_over(linked_images, monkeypatch):
    add_twin(25)
    deletion.delete(Image.objects.filter(pk=linked_images[99].pk))
    rebuilding.maintain()
    before = lists_by_image()
    monkeypatch.setattr(merging, "MAX_DEAD_FRACTION", 0.001)
    monkeypatch.setattr(merging, "MERGE_FACTOR", 2)
    monkeypatch.setattr(NeighbourFinder, "find", None)  # no list needs to be made
    rebuilding.maintain()
    monkeypatch.undo()
    merging.merge_all(spaces.active_space(), lambda *step: None)
    segment = Segment.objects.get()
    assert segment.rows == 120
    assert lists_by_image() == before
    assert_lists_are_right()


def test_an_update_that_is_killed_between_two_files_goes_on(linked_images, monkeypatch):
    save, saved = code_cache.save_neighbours, []

    def save_once(*args):
        if saved:
            raise KeyboardInterrupt
        saved.append(args)
        save(*args)

    new = add_twin(25)
    monkeypatch.setattr(code_cache, "save_neighbours", save_once)
    with pytest.raises(KeyboardInterrupt):
        neighbour_graph.update(spaces.active_generation())
    monkeypatch.undo()
    assert new.pk in all_lists().image_ids  # in the lists of its neighbours
    assert list_of(new).inverse_norms == [0]
    assert len(ranking.search_similar(new, SearchOptions(limit=200)).hits) == 120
    neighbour_graph.update(spaces.active_generation())
    assert_lists_are_right()


@pytest.mark.parametrize("damage", ["missing", "truncated", "of another segment"])
def test_lists_whose_file_is_damaged_are_made_again(linked_images, damage):
    key = live_index.comparison_key(spaces.active_generation())
    path = code_cache.neighbours_path(key, only_segment())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["segment"] = "0" * 64
    assert (all_lists().inverse_norms == 0).all()
    results = ranking.search_similar(linked_images[0], SearchOptions(limit=200))  # by descriptors alone
    assert results.total == 119
    rebuilding.maintain()
    assert_lists_are_right()


def test_a_generation_without_codes_has_no_lists(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(9, CLUSTER_SIZE))
    generation = rebuilding.rebuild().generation
    assert generation.encoder is None
    assert not snapshot().has_neighbours
    neighbour_graph.update(generation)
    assert not snapshot().has_neighbours


def test_a_generation_that_neighbours_do_not_help_has_no_lists(linked_images):
    generation = spaces.active_generation()
    generation.projection_choice["augmented"] = False
    generation.save()
    add_twin(25)
    rebuilding.maintain()
    assert not snapshot().has_neighbours
    hits = ranking.search_similar(linked_images[0], SearchOptions(limit=200)).hits
    reference = DenseReference(snapshot())
    expected = dict(zip(reference.ids.tolist(), reference.plain @ reference.plain[0], strict=True))
    del expected[linked_images[0].pk]
    assert {hit.image.pk: hit.score for hit in hits} == pytest.approx(expected, abs=1e-3)


def test_a_rebuild_to_the_same_projection_and_codes_keeps_the_lists(linked_images, monkeypatch):
    monkeypatch.setattr(NeighbourFinder, "find", None)
    rebuilding.rebuild()
    assert Generation.objects.count() == 2
    monkeypatch.undo()
    assert_lists_are_right()


def test_another_view_notices_that_a_file_of_lists_was_replaced(linked_images):
    """As in another process, which has opened the index before."""
    other = live_index.LiveIndex()
    generation = spaces.active_generation()
    first = other.view(generation).snapshot
    assert other.view(generation).snapshot.segments[0] is first.segments[0]
    new = add_twin(25)
    rebuilding.maintain()
    row = first.row_index.rows_of(np.array([linked_images[25].pk]))
    assert new.pk not in first.neighbours_of(row).image_ids  # an old snapshot stays as it is
    second = other.view(generation).snapshot
    assert new.pk in second.neighbours_of(row).image_ids
    assert second.segments[0].segment is first.segments[0].segment
    assert second.segments[0].codes_and_scales is first.segments[0].codes_and_scales


def test_files_of_lists_in_use_are_kept(linked_images):
    names = stored_lists()
    assert names == {only_segment().path.name}
    key = live_index.comparison_key(spaces.active_generation())
    stray = code_cache.neighbours_path(key, only_segment()).with_name("unknown.h5")
    stray.write_bytes(b"")
    rebuilding.delete_unused_codes()
    assert stored_lists() == names
    assert_lists_are_right()
