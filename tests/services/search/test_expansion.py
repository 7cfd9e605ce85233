"""Searches whose query is expanded by the best images."""

import numpy as np
import pytest

from catalog.models import Collection, Image, Tag
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from tests.services.search.clusters import CLUSTER_COUNT, CLUSTER_SIZE, add_clusters
from tests.vectors.neighbours.dense_reference import DenseReference, unit


def count_same_cluster(images: list[Image], expansion: int) -> int:
    """How many of the first hits of all images belong to the cluster of the image."""
    found = 0
    for image in images:
        hits = ranking.search_similar(image, SearchOptions(expansion=expansion, limit=CLUSTER_SIZE - 1)).hits
        found += sum(hit.image.collection_id == image.collection_id for hit in hits)
    return found


@pytest.mark.slow
def test_neighbours_and_expansion_find_more_of_same_cluster(db):
    images = add_clusters(spread=0.7)
    plain = DenseReference(ranking.snapshot_for(queries.image_query(images[0]))).plain
    similarities = plain @ plain.T
    np.fill_diagonal(similarities, -1)
    nearest = np.argsort(-similarities, axis=1)[:, : CLUSTER_SIZE - 1]
    found_alone = int((nearest // CLUSTER_SIZE == np.arange(len(images))[:, np.newaxis] // CLUSTER_SIZE).sum())
    assert found_alone < 0.9 * CLUSTER_COUNT * CLUSTER_SIZE * (CLUSTER_SIZE - 1)  # room for improvement
    assert all(count_same_cluster(images, expansion) > found_alone + 40 for expansion in (0, 5))


def expanded_scores(reference: DenseReference, allowed: np.ndarray, exclude_id: int | None = None) -> dict[int, float]:
    """The scores for the first image as the query, expanded by the best three of the `allowed` positions."""
    query = reference.plain[0]
    first_scores = np.full(len(reference.ids), -np.inf)
    first_scores[allowed] = reference.score(query, exclude_id)[allowed]
    first_scores[reference.ids == exclude_id] = -np.inf
    best = reference.plain[np.argsort(-first_scores)[:3]]
    expanded = unit(query + np.maximum(best @ query, 0) ** 3 @ best)
    return dict(zip(reference.ids.tolist(), reference.score(expanded, exclude_id), strict=True))


def test_expanded_query_is_weighted_sum(clustered_images, reference):
    expected = expanded_scores(reference, np.arange(120), clustered_images[0].pk)
    del expected[clustered_images[0].pk]
    hits = ranking.search_similar(clustered_images[0], SearchOptions(expansion=3, limit=200)).hits
    assert {hit.image.pk: hit.score for hit in hits} == pytest.approx(expected, abs=1e-3)


def test_expanded_search_ranks_all_images(clustered_images):
    results = ranking.search(queries.image_query(clustered_images[0]), SearchOptions(expansion=5, limit=200))
    assert results.total == len(results.hits) == 120
    own = next(hit.score for hit in results.hits if hit.image == clustered_images[0])
    assert 0.5 < own < 0.9999


def test_expansion_beyond_catalogue_size_uses_all_images(clustered_images):
    query = queries.image_query(clustered_images[0])
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in clustered_images[20:]]))
    results, expected = (ranking.search(query, SearchOptions(expansion=count)) for count in (50, 20))
    assert results.total == 20
    assert [(hit.image.pk, hit.score) for hit in results.hits] == [(hit.image.pk, hit.score) for hit in expected.hits]


def test_expansion_respects_filters(clustered_images, reference):
    """A search is expanded by images that pass its filters."""
    query, red = queries.image_query(clustered_images[0]), Tag.objects.create(name="red")
    similar = ranking.search(query, SearchOptions(limit=10)).hits
    red.images.set([*(hit.image for hit in similar[5:]), *clustered_images[-10:]])
    results = ranking.search(query, SearchOptions(filters=Filters(tags=(red,)), expansion=3, limit=200))
    assert results.total == len(results.hits) == 15
    passing = np.flatnonzero(np.isin(reference.ids, [hit.image.pk for hit in results.hits]))
    for expected, agrees in (
        (expanded_scores(reference, passing), True),
        (expanded_scores(reference, np.arange(120)), False),
    ):
        assert (
            {hit.image.pk: hit.score for hit in results.hits}
            == pytest.approx({hit.image.pk: expected[hit.image.pk] for hit in results.hits}, abs=1e-3)
        ) is agrees


def test_expansion_without_matching_images_finds_none(clustered_images):
    results = ranking.search(
        queries.image_query(clustered_images[0]),
        SearchOptions(filters=Filters(collection=Collection.objects.create(name="Empty")), expansion=5),
    )
    assert (results.total, results.hits, results.only_weak_matches) == (0, [], False)


def test_expansion_works_without_neighbours(catalogue, picture):
    results = ranking.search(queries.extract_query(picture(2)), SearchOptions(expansion=3))
    assert results.total == 6
    assert results.hits[0].image == catalogue[2]
    assert ranking.search_similar(catalogue[2], SearchOptions(expansion=10)).total == 5
