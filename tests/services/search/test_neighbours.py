"""The most similar images of an image, from its neighbour list."""

import numpy as np
import pytest

from catalog.models import Image
from catalog.services.index import rebuilding
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import neighbours, queries, ranking
from catalog.services.search.neighbours import find_neighbours
from catalog.vectors import two_stage
from catalog.vectors.neighbours.lists import LIST_LENGTH
from tests import indexed_images
from tests.services.search.clusters import CLUSTER_SIZE

OWN_KIND = CLUSTER_SIZE - 1


def scored(results: ranking.Results, count: int = OWN_KIND) -> dict[int, float]:
    return {hit.image.pk: hit.score for hit in results.hits[:count]}


def test_neighbours_are_the_best_hits_of_the_search(clustered_images):
    for image in clustered_images[::7]:
        found, searched = find_neighbours(image), ranking.search_similar(image)
        assert [hit.rank for hit in found.hits] == list(range(1, LIST_LENGTH + 1))
        assert scored(found) == pytest.approx(scored(searched), abs=1e-3)
        assert [hit.similarity_level for hit in found.hits[:OWN_KIND]] == [
            hit.similarity_level for hit in searched.hits[:OWN_KIND]
        ]
        assert (found.total, found.space) == (LIST_LENGTH, searched.space)


def test_no_search_is_needed(clustered_images, monkeypatch):
    monkeypatch.setattr(neighbours.ranking, "search", None)
    monkeypatch.setattr(two_stage, "rank", None)
    assert len(find_neighbours(clustered_images[0]).hits) == LIST_LENGTH


def test_deleted_neighbours_are_not_shown(clustered_images):
    deleted = [hit.image for hit in find_neighbours(clustered_images[0]).hits[:2]]
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in deleted]))
    found = find_neighbours(clustered_images[0])
    assert len(found.hits) == found.total == LIST_LENGTH - 2
    assert not {hit.image for hit in found.hits} & set(deleted)
    assert [hit.rank for hit in found.hits] == list(range(1, LIST_LENGTH - 1))
    rebuilding.maintain()
    assert len(find_neighbours(clustered_images[0]).hits) == LIST_LENGTH


def test_an_image_without_a_list_yet_is_searched_for(clustered_images):
    vector = indexed_images.clustered_vectors(12, CLUSTER_SIZE)[[5]] + np.float32(0.001)
    (new,) = indexed_images.add_indexed_images(indexed_images.normalise(vector))
    found = find_neighbours(new)
    assert found.hits[0].image == clustered_images[5]
    assert len(found.hits) == LIST_LENGTH
    assert new not in [hit.image for hit in found.hits]
    assert found.total == len(clustered_images)


def test_a_small_catalogue_is_searched(catalogue):
    found, searched = find_neighbours(catalogue[0]), ranking.search_similar(catalogue[0])
    assert [(hit.image, hit.score) for hit in found.hits] == [(hit.image, hit.score) for hit in searched.hits]


def test_an_image_that_is_not_searchable_has_no_neighbours(catalogue, picture):
    assert find_neighbours(uploads.add_picture(picture(50), "waiting.jpg").image) is None


def test_the_rows_of_neighbours_are_those_of_the_list(clustered_images):
    snapshot = ranking.snapshot_for(queries.image_query(clustered_images[0]))
    row = snapshot.row_index.rows_of(np.array([clustered_images[0].pk]))
    rows = neighbours.linked_rows(snapshot, clustered_images[0].pk)
    assert sorted(snapshot.row_index.image_ids(rows)) == sorted(snapshot.neighbours_of(row).image_ids[0])
    assert np.array_equal(rows, np.sort(rows))
    assert len(neighbours.linked_rows(snapshot, 10**6)) == 0
