"""The Milvus server is kept in sync with the segments, also after it was unavailable."""

from dataclasses import replace

import numpy as np
import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from catalog.exceptions import IndexUnavailable
from catalog.models import Image
from catalog.services.index import extraction, rebuilding
from catalog.services.index.live_index import engine
from catalog.services.ingest import uploads
from catalog.services.maintenance import health
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.services.search.queries import Query
from catalog.vectors.engines import Engine
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.segments import open_segment, write
from tests.engines.assertions import assert_exact, only_linked, search_ids, snapshot
from tests.engines.milvus_server import collection_name


def count_ranked(engine: Engine, query: Query) -> int:
    """Return how many images an engine ranks."""
    current = snapshot()
    query_vector = ranking.projected_query(query, current)
    return engine.rank(current, engine.expand_query(current, query_vector), limit=9).total


def test_changes_by_another_process_are_visible(milvus, settings, catalogue, picture):
    from catalog.vectors.milvus import MilvusEngine

    query, another = queries.extract_query(picture(0)), MilvusEngine(settings.VECTOR_INDEX)
    assert_exact(query)
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    current = snapshot()
    assert not another.is_synced(current)
    another.sync(current)
    assert another.is_synced(current)
    assert count_ranked(another, query) == 5
    assert_exact(query)


def test_new_process_reuses_server_rows(milvus, settings, catalogue, picture, monkeypatch):
    from catalog.vectors.milvus import MilvusEngine

    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    inserted = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: inserted.append(args))
    query, fresh = queries.extract_query(picture(0)), MilvusEngine(settings.VECTOR_INDEX)
    fresh.sync(snapshot())
    assert count_ranked(fresh, query) == 5
    assert inserted == []


def test_rows_missing_on_server_are_inserted_again(milvus, settings, catalogue, picture):
    from catalog.vectors.milvus import MilvusEngine

    query = queries.extract_query(picture(0))
    assert_exact(query)
    name = collection_name(snapshot().key)
    with MilvusEngine(settings.VECTOR_INDEX).client() as client:
        client.delete(name, ids=[catalogue[0].pk])
        assert_exact(query)
        client.drop_collection(name)
    assert_exact(query)


def test_rows_inserted_by_another_process_are_not_inserted_again(milvus, settings, catalogue, picture, monkeypatch):
    from catalog.vectors.milvus import MilvusEngine

    query, another = queries.extract_query(picture(77)), MilvusEngine(settings.VECTOR_INDEX)
    another.sync(snapshot())
    uploads.add_picture(picture(77), "new.jpg")
    extraction.index_pending()
    inserted = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: inserted.append(args))
    another.sync(snapshot())
    assert count_ranked(another, query) == 7
    assert inserted == []


@pytest.mark.parametrize("rows", ["other pictures", "the same pictures in another order"])
def test_rows_of_another_catalogue_are_ignored(milvus, settings, catalogue, picture, tmp_path, rows):
    from catalog.vectors.milvus import MilvusEngine

    query = queries.extract_query(picture(0))
    segment = snapshot().segments[0].segment
    digests = np.roll(segment.digests, 1, axis=0) if rows.startswith("the same") else np.full((6, 32), 9, np.uint8)
    foreign = {"vectors": np.roll(segment.vectors, 1, axis=0), "image_ids": segment.image_ids, "digests": digests}
    write(tmp_path / "x.h5", space="{}", **foreign)
    settings.VECTOR_INDEX = milvus.url()
    MilvusEngine(settings.VECTOR_INDEX).sync(
        replace(snapshot(), segments=[LiveSegment(open_segment(tmp_path / "x.h5"))])
    )
    assert_exact(query)


@only_linked
def test_server_stores_projected_vectors_and_segments_keep_descriptors(milvus, settings, catalogue):
    from catalog.vectors.milvus import MilvusEngine

    ranking.search_similar(catalogue[0])
    segment = snapshot().segments[0].segment
    with MilvusEngine(settings.VECTOR_INDEX).client() as client:
        rows = client.query(collection_name(snapshot().key), filter="id > 0", output_fields=["id", "vector"], limit=10)
    stored = {row["id"]: row["vector"] for row in rows}
    assert sorted(stored) == sorted(segment.image_ids.tolist())
    expected = snapshot().project(segment.vectors)
    np.testing.assert_allclose([stored[pk] for pk in segment.image_ids.tolist()], expected, atol=1e-6)
    assert np.abs(segment.vectors.astype(np.float32) @ segment.vectors[0] - expected @ expected[0]).max() > 0.1


def test_unavailable_server_is_reported_without_data_loss(milvus, catalogue, picture, client, admin_client, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(77))
    milvus.stop()
    message = rf"Milvus at http://127.0.0.1:{milvus.port} cannot be used.*Start the server"
    with pytest.raises(IndexUnavailable, match=message):
        search_ids(queries.extract_query(picture(0)))
    with pytest.raises(CommandError, match=message):
        call_command("search_by_photo", str(photo))
    assert f"127.0.0.1:{milvus.port}" in str(health.status_message())
    assert f"127.0.0.1:{milvus.port}" in admin_client.get("/api/health").json()["notice"]
    assert client.get("/").status_code == 200
    with photo.open("rb") as file:
        response = client.post("/api/search", {"photo": file})
    assert response.status_code == 503
    assert "catalog.W002" in [message.id for message in run_checks(tags=["catalog"])]
    assert "cannot be used" in response.json()["detail"]
    assert str(milvus.port) not in response.json()["detail"]  # addresses of servers are for staff

    uploads.add_picture(picture(77), "new.jpg")
    assert extraction.index_pending().indexed == 1
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    rebuilding.rebuild()

    milvus.start()
    assert f"127.0.0.1:{milvus.port}" not in str(health.status_message())
    ids, _, total = search_ids(queries.extract_query(picture(77)))
    assert Image.objects.get(pk=ids[0]).source == "new.jpg"
    assert (total, catalogue[0].pk in ids) == (6, False)


def test_idle_worker_syncs_server(milvus, catalogue, picture):
    milvus.stop()
    uploads.add_picture(picture(77), "new.jpg")
    extraction.index_pending()
    milvus.start()
    assert extraction.index_pending().indexed == 0
    assert engine().is_synced(snapshot())
