"""Searches rank the searchable images of the catalogue."""

import numpy as np
import pytest

from catalog.exceptions import NoIndexedImages
from catalog.models import Collection, Image, Tag
from catalog.services.index import extraction, rebuilding, spaces, trained_parameters
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.ranking import Results
from catalog.vectors.calibration import SimilarityLevel
from tests import indexed_images

CLUSTER_COUNT, CLUSTER_SIZE = 12, 10


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


@pytest.fixture
def clustered_images(db) -> list[Image]:
    """120 images in twelve clusters, each a collection, with a whitening fitted on them."""
    names = [f"Kind {kind}" for kind in range(CLUSTER_COUNT) for _ in range(CLUSTER_SIZE)]
    images = indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE), collections=names
    )
    rebuilding.rebuild()
    assert spaces.active_generation().whitening
    return images


def cluster_of(image: Image) -> int:
    """The number of the cluster of an image."""
    return (image.pk - Image.objects.order_by("pk").first().pk) // CLUSTER_SIZE


def same_cluster_count(found: Results, image: Image, first: int = CLUSTER_SIZE - 1) -> int:
    """How many of the first hits belong to the cluster of `image`."""
    return sum(hit.image.collection_id == image.collection_id for hit in found.hits[:first])


def random_query(seed: int = 0) -> Query:
    """A query that is not similar to any image."""
    return Query(
        indexed_images.normalise(np.random.default_rng(1000 + seed).random(indexed_images.DIMENSIONS)),
        spaces.active_generation().space,
    )


@pytest.mark.slow
def test_whitened_every_image_finds_itself_first(clustered_images):
    for image in clustered_images:
        hit = ranking.search(queries.image_query(image), SearchOptions(limit=1)).hits[0]
        assert hit.image == image
        assert 0.999 <= hit.score <= 1


def test_scores_are_cosines_of_whitened_descriptors(clustered_images):
    vectors = indexed_images.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE)
    whitened = trained_parameters.whitening_of(spaces.active_generation()).whiten(vectors)
    expected = dict(zip([image.pk for image in clustered_images], whitened @ whitened[0], strict=True))
    results = ranking.search(queries.image_query(clustered_images[0]), SearchOptions(limit=200))
    assert results.total == len(results.hits) == 120
    for hit in results.hits:
        assert hit.score == pytest.approx(expected[hit.image.pk], abs=1e-5)


def test_whitened_filters_apply_before_ranking(clustered_images):
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


def test_whitened_similar_images_exclude_the_image_itself(clustered_images):
    results = ranking.search_similar(clustered_images[30], SearchOptions(limit=200))
    assert results.total == len(results.hits) == 119
    assert clustered_images[30] not in [hit.image for hit in results.hits]
    assert [hit.rank for hit in results.hits] == list(range(1, 120))
    filtered = ranking.search_similar(
        clustered_images[30], SearchOptions(filters=Filters(collection=clustered_images[0].collection))
    )
    assert filtered.total == CLUSTER_SIZE


def test_whitened_deleted_image_is_not_found(clustered_images):
    query = queries.image_query(clustered_images[7])
    before = ranking.search(query, SearchOptions(limit=120)).hits
    deletion.delete(Image.objects.filter(pk=clustered_images[7].pk))
    results = ranking.search(query, SearchOptions(limit=120))
    assert results.total == 119
    assert [hit.image.pk for hit in results.hits] == [hit.image.pk for hit in before[1:]]


def test_image_added_after_whitening_is_found(clustered_images):
    new = indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 1, seed=9))[0]
    hit = ranking.search(queries.image_query(new)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (new, True)


@pytest.mark.slow
def test_expanded_search_finds_more_of_same_cluster(clustered_images):
    plain = sum(same_cluster_count(ranking.search_similar(image), image) for image in clustered_images)
    expanded = sum(
        same_cluster_count(ranking.search_similar(image, SearchOptions(expansion=5)), image)
        for image in clustered_images
    )
    assert plain < 0.95 * CLUSTER_COUNT * CLUSTER_SIZE * (CLUSTER_SIZE - 1)  # room for improvement
    assert expanded > plain + 20


def test_expanded_query_is_score_weighted_sum(clustered_images):
    whitened = trained_parameters.whitening_of(spaces.active_generation()).whiten(
        indexed_images.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE)
    )
    scores = whitened @ whitened[0]
    best = np.argsort(-scores)[1:4]  # without itself
    summed = whitened[0] + sum(scores[position] ** 3 * whitened[position] for position in best)
    expected = whitened @ (summed / np.linalg.norm(summed))
    order = [position for position in np.argsort(-expected) if position]
    hits = ranking.search_similar(clustered_images[0], SearchOptions(expansion=3, limit=200)).hits
    assert [hit.image.pk for hit in hits] == [clustered_images[position].pk for position in order]
    assert [hit.score for hit in hits] == pytest.approx(expected[order].tolist(), abs=1e-5)


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


def test_expansion_respects_filters(clustered_images):
    """An expanded search of one collection gives the same hits as if the catalogue held no other images."""
    filters = Filters(collection=clustered_images[-1].collection)
    query = queries.image_query(clustered_images[0])
    within = ranking.search(query, SearchOptions(filters=filters, expansion=3))
    assert within.total == CLUSTER_SIZE
    deletion.delete(Image.objects.exclude(collection=clustered_images[-1].collection))
    alone = ranking.search(query, SearchOptions(expansion=3))
    assert [(hit.image.pk, hit.score) for hit in within.hits] == [(hit.image.pk, hit.score) for hit in alone.hits]


def test_expansion_without_matching_images_finds_none(clustered_images):
    results = ranking.search(
        queries.image_query(clustered_images[0]),
        SearchOptions(filters=Filters(collection=Collection.objects.create(name="Empty")), expansion=5),
    )
    assert (results.total, results.hits, results.only_weak_matches) == (0, [], False)


def test_expansion_works_without_whitening(catalogue, picture):
    results = ranking.search(search(picture(2)), SearchOptions(expansion=3))
    assert results.total == 6
    assert results.hits[0].image == catalogue[2]
    assert ranking.search_similar(catalogue[2], SearchOptions(expansion=10)).total == 5


@pytest.fixture
def separated_clusters(db) -> list[Image]:
    """The same clusters with less spread, so that similar images clearly differ from random pairs."""
    images = indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE, spread=0.2)
    )
    rebuilding.rebuild()
    return images


def test_every_hit_has_similarity_level(separated_clusters):
    similarity_levels = trained_parameters.calibration_of(spaces.active_generation())
    results = ranking.search(queries.image_query(separated_clusters[0]), SearchOptions(limit=120))
    assert [hit.similarity_level for hit in results.hits] == [
        similarity_levels.level(hit.score) for hit in results.hits
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
