"""Rebuilds, merges and re-extractions with either engine."""

import pytest

from catalog.models import FeatureSpace, Image, Segment
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import queries
from tests.engines.assertions import (
    allow_small_training,
    assert_exact,
    only_linked,
    only_plain,
    search_ids,
    snapshot,
)
from tests.engines.milvus_server import collection_name, server_collections


@only_plain
def test_a_rebuild_changes_no_ranking(each_engine, catalogue, picture):
    query = queries.extract_query(picture(4))
    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    before, scores, total = search_ids(query)
    rebuilding.rebuild()
    after, scores_after, total_after = search_ids(query)
    assert (after, total_after) == (before, total)
    assert scores_after == pytest.approx(scores, abs=1e-6)


@only_linked
def test_a_rebuild_of_the_same_images_changes_no_ranking(each_engine, catalogue, picture):
    query = queries.extract_query(picture(40))
    before = search_ids(query)
    trained_key = snapshot().key
    rebuilding.rebuild()
    assert snapshot().key == trained_key
    assert search_ids(query) == before


@only_linked
def test_rebuild_of_other_images_uses_their_projection(each_engine, catalogue, picture):
    query = queries.extract_query(picture(40))
    before, key = search_ids(query), snapshot().key
    for number in (50, 51):
        uploads.add_picture(picture(number), f"new-{number}.jpg")
    extraction.index_pending()
    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    rebuilding.rebuild()
    assert snapshot().key != key
    assert_exact(query)
    scores_before = {pk: score for pk, score in zip(*before[:2], strict=True) if pk != catalogue[1].pk}
    scores = dict(zip(*search_ids(query)[:2], strict=True))
    assert all(scores[pk] != pytest.approx(score, abs=1e-3) for pk, score in scores_before.items())


@only_plain
def test_first_training_changes_only_the_scores_of_different_pictures(each_engine, catalogue, picture, monkeypatch):
    query = queries.extract_query(picture(0))
    ids, plain, _ = search_ids(query)
    allow_small_training(monkeypatch)
    rebuilding.rebuild()
    trained_ids, scores, _ = search_ids(query)
    assert (ids[0], trained_ids[0]) == (catalogue[0].pk, catalogue[0].pk)
    assert plain[0] == pytest.approx(1, abs=1e-4)  # descriptors are stored as float16 numbers
    assert scores[0] == pytest.approx(1, abs=1e-4)
    assert all(score != pytest.approx(before, abs=1e-3) for score, before in zip(scores[1:], plain[1:], strict=True))


def test_searches_use_the_new_space_after_a_reextraction(each_engine, catalogue, picture, another_space):
    before = spaces.active_generation().space.key
    rebuilding.reextract()
    assert spaces.active_generation().space.key != before
    for number, image in enumerate(catalogue):
        ids, scores, total = search_ids(queries.extract_query(picture(number)))
        assert (ids[0], total) == (image.pk, 6)
        assert scores[0] >= 0.999


@only_plain
def test_collection_of_deleted_space_is_dropped_from_the_server(milvus, settings, catalogue, another_space):
    (first,) = server_collections(settings.VECTOR_INDEX)
    rebuilding.reextract()
    assert len(server_collections(settings.VECTOR_INDEX)) == 2  # the previous one is kept, like its segments
    rebuilding.reextract()
    assert len(server_collections(settings.VECTOR_INDEX)) == FeatureSpace.objects.count() == 2
    assert first not in server_collections(settings.VECTOR_INDEX)


@only_plain
def test_rebuild_replaces_server_collection(milvus, settings, catalogue, picture, monkeypatch):
    query, url = queries.extract_query(picture(40)), settings.VECTOR_INDEX
    assert_exact(query)
    plain = snapshot().key
    assert server_collections(url) == [collection_name(plain)]

    allow_small_training(monkeypatch)
    rebuilding.rebuild()
    first = snapshot().key
    assert server_collections(url) == [collection_name(first)]  # no search uses the previous one
    assert_exact(query)

    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    rebuilding.rebuild()
    second = snapshot().key
    assert len({plain, first, second}) == 3
    assert server_collections(url) == [collection_name(second)]
    assert_exact(query)

    rebuilding.rebuild()  # the same images give the same projection
    assert server_collections(url) == [collection_name(second)]
    assert_exact(query)


@only_plain
def test_merge_inserts_nothing_on_server(milvus, catalogue, picture, monkeypatch):
    uploads.add_picture(picture(77), "new.jpg")
    extraction.index_pending()
    inserted = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: inserted.append(args))
    rebuilding.rebuild()
    assert Segment.objects.count() == 1
    assert search_ids(queries.extract_query(picture(77)))[2] == 7
    assert inserted == []


@only_linked
def test_server_syncs_after_missed_rebuild(milvus, settings, catalogue, picture):
    key = snapshot().key
    uploads.add_picture(picture(77), "new.jpg")
    extraction.index_pending()
    milvus.stop()
    rebuilding.rebuild()
    assert snapshot().key != key

    milvus.start()
    assert_exact(queries.extract_query(picture(77)))
    rebuilding.rebuild()
    assert server_collections(settings.VECTOR_INDEX) == [collection_name(snapshot().key)]
