"""Searches rank the searchable images of the catalogue."""

import numpy as np
import pytest

from catalog.exceptions import NoIndexedImages
from catalog.models import Collection, Image, Tag
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.index.training import trained_parameters
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.vectors.calibration import SimilarityLevel
from tests import indexed_images
from tests.services.search.clusters import CLUSTER_SIZE, add_clusters
from tests.vectors.neighbours.dense_reference import DenseReference


def search(data: bytes) -> Query:
    return queries.extract_query(data)


def test_picture_of_catalogue_finds_itself_first(catalogue, picture):
    for number, image in enumerate(catalogue):
        hit = ranking.search(search(picture(number))).hits[0]
        assert hit.image == image
        assert hit.score >= 0.999


def test_hits_are_sorted_by_score_and_ranked_from_one(catalogue, picture):
    hits = ranking.search(search(picture(3))).hits
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5, 6]
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]


def test_page_equals_slice_of_full_ranking(catalogue, picture):
    query = search(picture(0))
    whole = ranking.search(query, SearchOptions(limit=6)).hits
    assert ranking.search(query, SearchOptions(start=2, limit=3)).hits == whole[2:5]
    assert ranking.search(query, SearchOptions(start=2, limit=3)).total == 6


def test_empty_catalogue_cannot_be_searched(db, picture):
    with pytest.raises(NoIndexedImages, match="Add images"):
        search(picture())


def test_collection_filter_applies_before_ranking(catalogue, picture):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[catalogue[0].pk, catalogue[5].pk]).update(collection=collection)
    results = ranking.search(search(picture(3)), SearchOptions(filters=Filters(collection=collection)))
    assert {hit.image for hit in results.hits} == {catalogue[0], catalogue[5]}
    assert results.total == 2


def test_tag_filter_requires_all_tags(catalogue, picture):
    red, new = Tag.objects.create(name="red"), Tag.objects.create(name="new")
    catalogue[0].tags.add(red)
    catalogue[1].tags.add(red, new)
    assert ranking.search(search(picture(0)), SearchOptions(filters=Filters(tags=(red,)))).total == 2
    assert [
        hit.image for hit in ranking.search(search(picture(0)), SearchOptions(filters=Filters(tags=(red, new)))).hits
    ] == [catalogue[1]]


def test_deleted_image_is_not_found(catalogue, picture):
    query = search(picture(2))
    assert ranking.search(query).hits[0].image == catalogue[2]
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    results = ranking.search(query)
    assert results.total == 5
    assert catalogue[2] not in [hit.image for hit in results.hits]


def test_new_image_is_found_once_indexed(catalogue, picture):
    query = search(picture(77))
    assert ranking.search(query).total == 6
    new = uploads.add_picture(picture(77), "new.jpg").image
    assert ranking.search(query).total == 6
    extraction.index_pending()
    results = ranking.search(query)
    assert results.total == 7
    assert results.hits[0].image == new


def test_similar_images_exclude_the_image_itself(catalogue):
    results = ranking.search_similar(catalogue[0])
    assert results.total == 5
    assert catalogue[0] not in [hit.image for hit in results.hits]


def test_pending_image_has_no_similar_images(catalogue, picture):
    assert ranking.search_similar(uploads.add_picture(picture(50), "new.jpg").image) is None


def cluster_of(image: Image) -> int:
    """The number of the cluster of an image."""
    return (image.pk - Image.objects.order_by("pk").first().pk) // CLUSTER_SIZE


def random_query(seed: int = 0) -> Query:
    """A query that is not similar to any image."""
    return Query(
        indexed_images.normalise(np.random.default_rng(1000 + seed).random(indexed_images.DIMENSIONS)),
        spaces.active_generation().space,
    )


@pytest.mark.slow
def test_every_image_finds_itself_first_among_its_neighbours(clustered_images):
    for image in clustered_images:
        hit = ranking.search(queries.image_query(image), SearchOptions(limit=1)).hits[0]
        assert hit.image == image
        assert 0.999 <= hit.score <= 1


def test_scores_take_neighbours_into_account(clustered_images, reference):
    expected = dict(zip(reference.ids.tolist(), reference.score(reference.plain[0]), strict=True))
    results = ranking.search(queries.image_query(clustered_images[0]), SearchOptions(limit=200))
    assert results.total == len(results.hits) == 120
    assert {hit.image.pk: hit.score for hit in results.hits} == pytest.approx(expected, abs=1e-3)


def test_an_image_does_not_expand_the_search_for_images_similar_to_it(clustered_images, reference):
    expected = dict(zip(reference.ids.tolist(), reference.score(reference.plain[0], reference.ids[0]), strict=True))
    del expected[clustered_images[0].pk]
    results = ranking.search_similar(clustered_images[0], SearchOptions(limit=200))
    assert {hit.image.pk: hit.score for hit in results.hits} == pytest.approx(expected, abs=1e-3)


def test_filters_apply_before_ranking(clustered_images):
    other, red = clustered_images[-1].collection, Tag.objects.create(name="red")
    red.images.set([clustered_images[0], clustered_images[50], clustered_images[-1]])
    query = queries.image_query(clustered_images[0])
    whole = {hit.image.pk: hit.score for hit in ranking.search(query, SearchOptions(limit=120)).hits}
    for filters, passing in (
        (Filters(collection=other), clustered_images[-CLUSTER_SIZE:]),
        (Filters(tags=(red,)), [clustered_images[0], clustered_images[50], clustered_images[-1]]),
        (Filters(collection=other, tags=(red,)), [clustered_images[-1]]),
    ):
        results = ranking.search(query, SearchOptions(filters=filters))
        assert results.total == len(passing)
        assert {hit.image.pk: hit.score for hit in results.hits} == pytest.approx(
            {image.pk: whole[image.pk] for image in passing}, abs=1e-6
        )


def test_ranked_similar_images_exclude_the_image_itself(clustered_images):
    results = ranking.search_similar(clustered_images[30], SearchOptions(limit=200))
    assert results.total == len(results.hits) == 119
    assert clustered_images[30] not in [hit.image for hit in results.hits]
    assert [hit.rank for hit in results.hits] == list(range(1, 120))
    filtered = ranking.search_similar(
        clustered_images[30], SearchOptions(filters=Filters(collection=clustered_images[0].collection))
    )
    assert filtered.total == CLUSTER_SIZE


def test_deleted_image_of_a_large_catalogue_is_not_found(clustered_images):
    query = queries.image_query(clustered_images[7])
    deletion.delete(Image.objects.filter(pk=clustered_images[7].pk))
    results = ranking.search(query, SearchOptions(limit=120))
    assert results.total == len(results.hits) == 119
    # The images in whose lists it was are compared by their own descriptors now.
    snapshot = ranking.snapshot_for(query)
    reference = DenseReference(snapshot)
    assert clustered_images[7].pk not in reference.ids
    expected = dict(zip(reference.ids.tolist(), reference.score(ranking.projected_query(query, snapshot)), strict=True))
    assert {hit.image.pk: hit.score for hit in results.hits} == pytest.approx(expected, abs=1e-3)


def test_image_added_after_the_rebuild_is_found(clustered_images):
    new = indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 1, seed=9))[0]
    hit = ranking.search(queries.image_query(new)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (new, True)


@pytest.fixture
def separated_clusters(db) -> list[Image]:
    """The same clusters with less spread, so that similar images clearly differ from random pairs."""
    return add_clusters(spread=0.2)


def test_every_hit_has_similarity_level(separated_clusters):
    similarity_levels = trained_parameters.calibration_of(spaces.active_generation())
    query = queries.image_query(separated_clusters[0])
    reference = DenseReference(ranking.snapshot_for(query))
    similarities = dict(zip(reference.ids.tolist(), reference.plain @ reference.plain[0], strict=True))
    results = ranking.search(query, SearchOptions(limit=120))
    assert [hit.similarity_level for hit in results.hits] == [
        similarity_levels.level(hit.score, similarities[hit.image.pk]) for hit in results.hits
    ]
    assert results.hits[0].similarity_level is SimilarityLevel.SAME
    assert {hit.similarity_level for hit in results.hits[1:]} <= {
        SimilarityLevel.VERY_SIMILAR,
        SimilarityLevel.SIMILAR,
        SimilarityLevel.WEAK,
    }
    assert results.hits[1].similarity_level in (SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR)
    assert results.hits[-1].similarity_level is SimilarityLevel.WEAK
    similar_images = [hit.image for hit in results.hits if hit.similarity_level is not SimilarityLevel.WEAK]
    assert {cluster_of(image) for image in similar_images} == {0}


def test_levels_need_a_hundred_images(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(20, 5, spread=0.1))
    rebuilding.rebuild()
    results = ranking.search(queries.image_query(images[0]), SearchOptions(limit=100))
    assert results.hits[0].similarity_level is SimilarityLevel.SAME
    assert results.hits[-1].similarity_level is SimilarityLevel.WEAK


def test_uncalibrated_scores_have_no_levels(catalogue, picture):
    rebuilding.rebuild()
    results = ranking.search(search(picture(2)))
    assert {hit.similarity_level for hit in results.hits} == {None}
    assert not results.only_weak_matches


def test_expanded_query_scores_have_no_levels(separated_clusters):
    results = ranking.search(queries.image_query(separated_clusters[0]), SearchOptions(expansion=5))
    assert {hit.similarity_level for hit in results.hits} == {None}
    assert not results.only_weak_matches
    assert not ranking.search(random_query(), SearchOptions(expansion=5)).only_weak_matches


def test_query_without_similar_images_is_reported(separated_clusters):
    for seed in range(10):
        results = ranking.search(random_query(seed))
        assert results.only_weak_matches
        assert {hit.similarity_level for hit in results.hits} == {SimilarityLevel.WEAK}
        assert results.total == 120  # the closest images are still returned


@pytest.mark.slow
def test_catalogue_image_has_similar_images(separated_clusters):
    for image in separated_clusters:
        assert not ranking.search(queries.image_query(image)).only_weak_matches
        assert not ranking.search_similar(image).only_weak_matches


def test_only_weak_matches_respects_filters(separated_clusters):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in separated_clusters[-CLUSTER_SIZE:]]).update(
        collection=collection
    )
    query = queries.image_query(separated_clusters[0])
    assert ranking.search(query, SearchOptions(filters=Filters(collection=collection))).only_weak_matches
    assert not ranking.search(
        queries.image_query(separated_clusters[-1]), SearchOptions(filters=Filters(collection=collection))
    ).only_weak_matches


def test_only_weak_matches_uses_best_hit_on_every_page(separated_clusters):
    query = queries.image_query(separated_clusters[0])
    last = ranking.search(query, SearchOptions(start=110, limit=10))
    assert {hit.similarity_level for hit in last.hits} == {SimilarityLevel.WEAK}
    assert not last.only_weak_matches
    assert ranking.search(random_query(), SearchOptions(start=110, limit=10)).only_weak_matches
