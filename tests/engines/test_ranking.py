"""Both engines rank as exact search does."""

import numpy as np
import pytest

from catalog.exceptions import ImageSearchError, NoIndexedImages
from catalog.models import Collection, Image, Segment, Tag
from catalog.services.index import extraction, rebuilding, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity
from catalog.services.media import deletion
from catalog.services.search import feedback, queries, ranking
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.vectors import exact, two_stage
from tests.engines.assertions import assert_exact, search_ids, snapshot


def test_a_picture_of_the_catalogue_finds_itself_first(each_engine, catalogue, picture):
    for number, image in enumerate(catalogue):
        ids, scores, total = search_ids(queries.extract_query(picture(number)))
        assert (ids[0], total) == (image.pk, 6)
        assert scores[0] >= 0.999
        assert scores == sorted(scores, reverse=True)


def test_pages_together_are_the_whole_ranking(each_engine, catalogue, picture):
    query = queries.extract_query(picture(0))
    all_ids, _, _ = search_ids(query)
    pages = [search_ids(query, start=start, limit=2) for start in (0, 2, 4, 6)]
    assert [pk for ids, _, _ in pages for pk in ids] == all_ids
    assert {total for _, _, total in pages} == {6}


def test_identical_images_appear_on_exactly_one_page(each_engine, catalogue, picture):
    for level in range(7):  # the same pixels in different files
        uploads.add_picture(picture(9, format="PNG", compress_level=level), f"same-{level}.png")
    extraction.index_pending()
    assert Image.objects.indexed().count() == 13
    query = queries.extract_query(picture(9, format="PNG"))
    pages = [search_ids(query, start=start, limit=1)[0] for start in range(7)]
    assert sorted(pages) == [[image.pk] for image in Image.objects.order_by("pk")[6:]]


def test_page_past_the_end_is_empty_and_has_the_total(each_engine, catalogue, picture):
    assert search_ids(queries.extract_query(picture(0)), start=2**31, limit=24) == ([], [], 6)


def test_filter_is_applied_before_ranking(each_engine, catalogue, picture):
    collection, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[1].pk, catalogue[5].pk]).update(collection=collection)
    catalogue[5].tags.add(red)
    query = queries.extract_query(picture(3))
    ids, _, total = search_ids(query, Filters(collection=collection), limit=2)
    assert (set(ids), total) == ({catalogue[1].pk, catalogue[5].pk}, 2)
    ids, _, total = search_ids(query, Filters(collection=collection, tags=(red,)))
    assert (ids, total) == ([catalogue[5].pk], 1)


def test_filter_without_matches_finds_nothing(each_engine, catalogue, picture):
    empty = Collection.objects.create(name="Empty")
    assert search_ids(queries.extract_query(picture(3)), Filters(collection=empty)) == ([], [], 0)


def test_deleted_image_is_not_found_by_the_next_search(each_engine, catalogue, picture):
    query = queries.extract_query(picture(2))
    assert search_ids(query)[0][0] == catalogue[2].pk
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    ids, _, total = search_ids(query, limit=5)
    assert set(ids) == {image.pk for image in catalogue} - {catalogue[2].pk}
    assert total == 5


def test_search_finds_nothing_after_all_images_are_deleted(each_engine, catalogue, picture):
    query = queries.extract_query(picture(2))
    deletion.delete(Image.objects.all())
    assert search_ids(query) == ([], [], 0)
    rebuilding.rebuild()
    with pytest.raises(NoIndexedImages):
        search_ids(query)


def test_a_new_image_is_found_by_the_next_search_after_it_is_indexed(each_engine, catalogue, picture):
    query = queries.extract_query(picture(77))
    uploads.add_picture(picture(77), "new.jpg")
    assert search_ids(query)[2] == 6
    extraction.index_pending()
    ids, _, total = search_ids(query)
    assert (Image.objects.get(pk=ids[0]).source, total) == ("new.jpg", 7)


def test_similar_images_exclude_the_image_itself(each_engine, catalogue):
    results = ranking.search_similar(catalogue[0], SearchOptions(limit=5))
    assert results
    assert [hit.image.pk for hit in results.hits].count(catalogue[0].pk) == 0
    assert (len(results.hits), results.total) == (5, 5)


def test_expanded_query_ranks_equally_on_both_engines(each_engine, catalogue, picture):
    query = queries.extract_query(picture(40))
    query_vector = ranking.projected_query(query, snapshot())
    nearest = exact.rank(snapshot(), two_stage.expand_query(snapshot(), query_vector), limit=2).image_ids
    neighbours = snapshot().project(snapshot().vectors_of(nearest))
    summed = query_vector + np.maximum(neighbours @ query_vector, 0) ** feedback.ALPHA @ neighbours
    exact_query = two_stage.expand_query(snapshot(), summed / np.linalg.norm(summed))
    exact_ranking = exact.rank(snapshot(), exact_query, limit=6)
    ids, scores, total = search_ids(query, expansion=2)
    assert (ids, total) == (exact_ranking.image_ids.tolist(), 6)
    assert scores == pytest.approx(exact_ranking.scores.tolist(), abs=1e-5)


def test_images_of_a_damaged_segment_are_not_found_until_it_is_repaired(each_engine, catalogue, picture):
    uploads.add_picture(picture(77), "new.jpg")
    extraction.index_pending()
    first = Segment.objects.order_by("pk")[0]
    store.segment_path(first.name).write_bytes(b"damaged")
    INDEX.close()
    results = ranking.search(queries.extract_query(picture(77)))
    assert ([hit.image.source for hit in results.hits], results.total) == (["new.jpg"], 1)
    assert results.damaged == [first.name]
    integrity.repair()
    assert search_ids(queries.extract_query(picture(0)))[2] == 7


def test_milvus_ranks_as_exact_search_does(milvus, catalogue, picture, monkeypatch):
    monkeypatch.setattr("catalog.vectors.milvus.MAX_IDS_PER_REQUEST", 2)  # a filter and a read need several requests
    monkeypatch.setattr("catalog.vectors.milvus.MAX_ROWS_PER_REQUEST", 2)
    for number in range(20, 40):
        uploads.add_picture(picture(number), f"picture-{number}.jpg")
    extraction.index_pending()
    collection = Collection.objects.create(name="Some")
    Image.objects.filter(pk__in=[image.pk for image in Image.objects.order_by("pk")[3:20:2]]).update(
        collection=collection
    )
    deletion.delete(Image.objects.filter(pk=catalogue[3].pk))
    for number in (0, 25, 500):
        query = queries.extract_query(picture(number))
        assert_exact(query, limit=30)
        assert_exact(query, start=5, limit=7)
        assert_exact(query, Filters(collection=collection), limit=4)


def test_equal_scores_may_be_returned_in_any_order(milvus, db, picture, monkeypatch):
    from catalog.vectors.milvus import MilvusClient

    for level in range(7):  # the same pixels in different files
        uploads.add_picture(picture(1, format="PNG", compress_level=level), f"same-{level}.png")
    extraction.index_pending()
    search, rng = MilvusClient.search, np.random.default_rng(0)

    def shuffled(client, name, queries, *, limit, **options):
        (hits,) = search(client, name, queries, limit=100, **options)
        mixed = [hits[position] for position in rng.permutation(len(hits))]
        return [sorted(mixed, key=lambda hit: -hit["distance"])[:limit]]

    monkeypatch.setattr(MilvusClient, "search", shuffled)
    monkeypatch.setattr("catalog.vectors.milvus.EXTRA_RESULTS", 1)
    query = queries.extract_query(picture(1, format="PNG"))
    pages = [search_ids(query, start=start, limit=1)[0] for start in range(7)]
    assert sorted(pages) == [[image.pk] for image in Image.objects.order_by("pk")]


def test_page_beyond_the_limit_of_milvus_is_rejected_with_a_hint(milvus, catalogue, picture, monkeypatch):
    monkeypatch.setattr("catalog.vectors.milvus.MAX_RESULTS", 4)
    query = queries.extract_query(picture(0))
    assert len(search_ids(query, start=0, limit=3)[0]) == 3
    with pytest.raises(ImageSearchError, match=r"the 4 best images.*filter the search"):
        search_ids(query, start=3, limit=3)
