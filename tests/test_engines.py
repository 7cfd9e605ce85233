"""The engines agree: the same tests over the local one and over a Milvus server, and a server that comes and goes."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from catalog.exceptions import ImageSearchError, IndexUnavailable, NothingIndexed
from catalog.features import extractors
from catalog.models import Collection, FeatureSpace, Image, Segment, Tag
from catalog.services import (
    deletion,
    health,
    indexing,
    integrity,
    rebuilding,
    refining,
    searching,
    spaces,
    store,
    uploads,
)
from catalog.services.filters import Filters
from catalog.services.live_index import INDEX, engine
from catalog.services.searching import Query
from catalog.vectors import exact, projection
from catalog.vectors.segments import open_segment, write
from catalog.vectors.snapshot import LiveSegment, Snapshot
from imagesearch import environment
from tests.system.servers import Restartable, free_port

CHECKOUT = Path(__file__).resolve().parents[1]
# As many images teach a whitening here, that a catalogue of six may have one.
FEW = 5


class MilvusServer(Restartable):
    """Milvus Lite's server."""

    def url(self) -> str:
        """The address of a database that nobody else has."""
        return f"http://127.0.0.1:{self.port}/test_{uuid4().hex}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self.home / "data")]
        self.launch([*command, "--host", "127.0.0.1", "--port", str(self.port)], "Milvus")

    def answers(self) -> bool:
        from catalog.vectors.milvus import Milvus

        try:
            Milvus(f"http://127.0.0.1:{self.port}").check()
        except IndexUnavailable:
            return False
        return True


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    if not importlib.util.find_spec("milvus_lite"):
        (pytest.fail if os.environ.get("REQUIRE_SERVICES") == "1" else pytest.skip)("milvus-lite not installed")
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def milvus(running, settings) -> Iterator[MilvusServer]:
    """The site set to search on a server that runs when the test begins."""
    settings.VECTOR_INDEX = running.url()
    yield running
    if not running.answers():
        running.start()


@pytest.fixture(params=["local", "milvus"])
def either(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    if request.param == "milvus":
        request.getfixturevalue("milvus")
    return request.param


@pytest.fixture(params=["as they are", "whitened"])
def catalogue(request: pytest.FixtureRequest, catalogue: list[Image], monkeypatch: pytest.MonkeyPatch) -> list[Image]:
    """Six images, compared as they are, and again once they have taught a whitening."""
    if request.param == "whitened":
        monkeypatch.setattr(projection, "learn", partial(projection.learn, enough=FEW))
        rebuilding.rebuild()
        assert snapshot().projection
    return catalogue


# For what is about one of the two.
as_they_are = pytest.mark.parametrize("catalogue", ["as they are"], indirect=True)
whitened = pytest.mark.parametrize("catalogue", ["whitened"], indirect=True)


def snapshot() -> Snapshot:
    """What searches rank at this moment, by the segments: nothing is brought to a server."""
    return INDEX.view(spaces.active()).snapshot


@pytest.fixture
def another_space(db, monkeypatch) -> None:
    """A re-extraction goes to another feature space: the same weights with another input size."""
    smaller = replace(extractors.RECIPES["vgg16-compact"], input_sizes=(96,))
    monkeypatch.setitem(extractors.RECIPES, "vgg16-compact", smaller)


def found(query: Query, filters: Filters | None = None, **stretch: int) -> tuple[list[int], list[float], int]:
    results = searching.search(query, filters, **stretch)
    return [hit.image.pk for hit in results.hits], [hit.score for hit in results.hits], results.total


def collections(url: str) -> list[str]:
    """What the server holds in the database of an address."""
    from catalog.vectors.milvus import Milvus

    with Milvus(url).client() as client:
        return sorted(client.list_collections())


def collection_of(key: str) -> str:
    """How Milvus calls what is held for a snapshot's key."""
    return "imagesearch_" + key.replace("-", "_").replace("+", "_")


def assert_exact(query: Query, filters: Filters | None = None, *, start: int = 0, count: int = 24) -> None:
    """The engine in use gives what an exact scan of the segments gives."""
    ids, scores, total = found(query, filters, start=start, count=count)
    allowed = filters.image_ids() if filters else None
    exactly = exact.rank(snapshot(), searching.as_compared(query, snapshot()), top=10_000, allowed=allowed)
    best = exactly.scores[start : start + count].tolist()
    assert (len(set(ids)), total) == (len(best), exactly.total)
    assert scores == pytest.approx(best, abs=1e-5)
    # Sums of floats differ in their last bits with the order of adding: images that close may change places.
    exact_scores = dict(zip(exactly.image_ids.tolist(), exactly.scores.tolist(), strict=True))
    assert [exact_scores[pk] for pk in ids] == pytest.approx(best, abs=2e-6)


# Over either engine ----------------------------------------------------------------------------


def test_a_picture_of_the_catalogue_finds_itself_first(either, catalogue, picture):
    for number, image in enumerate(catalogue):
        ids, scores, total = found(searching.describe(picture(number)))
        assert (ids[0], total) == (image.pk, 6)
        assert scores[0] >= 0.999
        assert scores == sorted(scores, reverse=True)


def test_pages_add_up_to_the_whole_ranking(either, catalogue, picture):
    query = searching.describe(picture(0))
    whole, _, _ = found(query)
    pages = [found(query, start=start, count=2) for start in (0, 2, 4, 6)]
    assert [pk for ids, _, _ in pages for pk in ids] == whole
    assert {total for _, _, total in pages} == {6}


def test_images_that_look_the_same_are_each_on_one_page(either, catalogue, picture):
    for level in range(7):  # the same pixels in other bytes
        uploads.add(picture(9, format="PNG", compress_level=level), f"same-{level}.png")
    indexing.index_pending()
    assert Image.objects.indexed().count() == 13
    query = searching.describe(picture(9, format="PNG"))
    pages = [found(query, start=start, count=1)[0] for start in range(7)]
    assert sorted(pages) == [[image.pk] for image in Image.objects.order_by("pk")[6:]]


def test_a_page_past_the_end_is_empty_and_still_counts(either, catalogue, picture):
    assert found(searching.describe(picture(0)), start=2**31, count=24) == ([], [], 6)


def test_a_filter_narrows_before_ranking(either, catalogue, picture):
    bags, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk__in=[catalogue[1].pk, catalogue[5].pk]).update(collection=bags)
    catalogue[5].tags.add(red)
    query = searching.describe(picture(3))
    ids, _, total = found(query, Filters(collection=bags), count=2)
    assert (set(ids), total) == ({catalogue[1].pk, catalogue[5].pk}, 2)
    ids, _, total = found(query, Filters(collection=bags, tags=(red,)))
    assert (ids, total) == ([catalogue[5].pk], 1)


def test_a_filter_that_nothing_passes_finds_nothing(either, catalogue, picture):
    empty = Collection.objects.create(name="Empty")
    assert found(searching.describe(picture(3)), Filters(collection=empty)) == ([], [], 0)


def test_a_deleted_image_is_gone_from_the_next_search(either, catalogue, picture):
    query = searching.describe(picture(2))
    assert found(query)[0][0] == catalogue[2].pk
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    ids, _, total = found(query, count=5)
    assert set(ids) == {image.pk for image in catalogue} - {catalogue[2].pk}
    assert total == 5


def test_a_catalogue_whose_images_are_all_deleted_finds_nothing(either, catalogue, picture):
    query = searching.describe(picture(2))
    deletion.delete(Image.objects.all())
    assert found(query) == ([], [], 0)
    rebuilding.rebuild()
    with pytest.raises(NothingIndexed):
        found(query)


def test_a_new_image_is_found_by_the_next_search_after_it_is_indexed(either, catalogue, picture):
    query = searching.describe(picture(77))
    uploads.add(picture(77), "new.jpg")
    assert found(query)[2] == 6
    indexing.index_pending()
    ids, _, total = found(query)
    assert (Image.objects.get(pk=ids[0]).source, total) == ("new.jpg", 7)


def test_the_likes_of_an_image_are_without_itself(either, catalogue):
    likes = searching.like(catalogue[0], count=5)
    assert likes
    assert [hit.image.pk for hit in likes.hits].count(catalogue[0].pk) == 0
    assert (len(likes.hits), likes.total) == (5, 5)


@as_they_are
def test_a_rebuild_changes_no_ranking(either, catalogue, picture):
    query = searching.describe(picture(4))
    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    before, scores, total = found(query)
    rebuilding.rebuild()
    after, scores_after, total_after = found(query)
    assert (after, total_after) == (before, total)
    assert scores_after == pytest.approx(scores, abs=1e-6)


@whitened
def test_a_rebuild_of_the_same_images_changes_no_ranking(either, catalogue, picture):
    query = searching.describe(picture(40))
    before = found(query)
    learned = snapshot().key
    rebuilding.rebuild()
    assert snapshot().key == learned
    assert found(query) == before


@whitened
def test_a_rebuild_of_other_images_ranks_by_what_these_teach(either, catalogue, picture):
    query = searching.describe(picture(40))
    before, key = found(query), snapshot().key
    for number in (50, 51):
        uploads.add(picture(number), f"new-{number}.jpg")
    indexing.index_pending()
    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    rebuilding.rebuild()
    assert snapshot().key != key
    assert_exact(query)
    kept = {pk: score for pk, score in zip(*before[:2], strict=True) if pk != catalogue[1].pk}
    scores = dict(zip(*found(query)[:2], strict=True))
    assert all(scores[pk] != pytest.approx(score, abs=1e-3) for pk, score in kept.items())


@as_they_are
def test_the_first_whitening_changes_the_scores_of_unlike_pictures_alone(either, catalogue, picture, monkeypatch):
    query = searching.describe(picture(0))
    ids, plain, _ = found(query)
    monkeypatch.setattr(projection, "learn", partial(projection.learn, enough=FEW))
    rebuilding.rebuild()
    whitened_ids, scores, _ = found(query)
    assert (ids[0], whitened_ids[0]) == (catalogue[0].pk, catalogue[0].pk)
    assert plain[0] == pytest.approx(1, abs=1e-5)
    assert scores[0] == pytest.approx(1, abs=1e-5)
    assert max(scores[1:]) < min(plain[1:])


def test_an_expanded_query_ranks_alike_over_either_engine(either, catalogue, picture):
    query = searching.describe(picture(40))
    sought = searching.as_compared(query, snapshot())
    nearest = exact.rank(snapshot(), sought, top=2).image_ids
    neighbours = snapshot().whitened(snapshot().vectors_of(nearest))
    summed = sought + np.maximum(neighbours @ sought, 0) ** refining.ALPHA @ neighbours
    exactly = exact.rank(snapshot(), summed / np.linalg.norm(summed), top=6)
    ids, scores, total = found(query, expand=2)
    assert (ids, total) == (exactly.image_ids.tolist(), 6)
    assert scores == pytest.approx(exactly.scores.tolist(), abs=1e-5)


def test_after_a_reextraction_the_catalogue_is_searched_in_the_new_space(either, catalogue, picture, another_space):
    before = spaces.active().space.key
    rebuilding.reextract()
    assert spaces.active().space.key != before
    for number, image in enumerate(catalogue):
        ids, scores, total = found(searching.describe(picture(number)))
        assert (ids[0], total) == (image.pk, 6)
        assert scores[0] >= 0.999


def test_images_of_a_damaged_segment_are_not_found_until_it_is_mended(either, catalogue, picture):
    uploads.add(picture(77), "new.jpg")
    indexing.index_pending()
    first = Segment.objects.order_by("pk")[0]
    store.path_of(first.name).write_bytes(b"damaged")
    INDEX.forget()
    results = searching.search(searching.describe(picture(77)))
    assert ([hit.image.source for hit in results.hits], results.total) == (["new.jpg"], 1)
    assert results.damaged == [first.name]
    integrity.repair()
    assert found(searching.describe(picture(0)))[2] == 7


# Milvus alone ----------------------------------------------------------------------------------


def test_milvus_ranks_as_an_exact_scan_does(milvus, catalogue, picture, monkeypatch):
    monkeypatch.setattr("catalog.vectors.milvus.IDS", 2)  # several requests a filter, and a reading
    monkeypatch.setattr("catalog.vectors.milvus.ROWS", 2)
    for number in range(20, 40):
        uploads.add(picture(number), f"picture-{number}.jpg")
    indexing.index_pending()
    some = Collection.objects.create(name="Some")
    Image.objects.filter(pk__in=[image.pk for image in Image.objects.order_by("pk")[3:20:2]]).update(collection=some)
    deletion.delete(Image.objects.filter(pk=catalogue[3].pk))
    for number in (0, 25, 500):
        query = searching.describe(picture(number))
        assert_exact(query, count=30)
        assert_exact(query, start=5, count=7)
        assert_exact(query, Filters(collection=some), count=4)


def test_what_another_process_brings_or_takes_away_is_seen_by_this_one(milvus, settings, catalogue, picture):
    from catalog.vectors.milvus import Milvus

    query, another = searching.describe(picture(0)), Milvus(settings.VECTOR_INDEX)
    assert_exact(query)
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    now = snapshot()
    assert not another.holds(now)
    another.catch_up(now)
    assert another.holds(now)
    assert another.rank(now, searching.as_compared(query, now), top=9).total == 5
    assert_exact(query)


def test_a_process_that_starts_takes_the_server_as_it_is(milvus, settings, catalogue, picture, monkeypatch):
    from catalog.vectors.milvus import Milvus

    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    sent = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: sent.append(args))
    query, fresh = searching.describe(picture(0)), Milvus(settings.VECTOR_INDEX)
    fresh.catch_up(snapshot())
    assert fresh.rank(snapshot(), searching.as_compared(query, snapshot()), top=9).total == 5
    assert sent == []


def test_rows_that_vanish_from_the_server_are_brought_again(milvus, settings, catalogue, picture):
    from catalog.vectors.milvus import Milvus

    query = searching.describe(picture(0))
    assert_exact(query)
    name = collection_of(snapshot().key)
    with Milvus(settings.VECTOR_INDEX).client() as client:
        client.delete(name, ids=[catalogue[0].pk])
        assert_exact(query)
        client.drop_collection(name)
    assert_exact(query)


def test_what_another_process_brought_is_not_brought_again(milvus, settings, catalogue, picture, monkeypatch):
    from catalog.vectors.milvus import Milvus

    query, another = searching.describe(picture(77)), Milvus(settings.VECTOR_INDEX)
    another.catch_up(snapshot())
    uploads.add(picture(77), "new.jpg")
    indexing.index_pending()
    sent = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: sent.append(args))
    another.catch_up(snapshot())
    assert another.rank(snapshot(), searching.as_compared(query, snapshot()), top=9).total == 7
    assert sent == []


@pytest.mark.parametrize("theirs", ["other pictures", "the same pictures in another order"])
def test_rows_of_another_catalogue_are_not_taken_for_ours(milvus, settings, catalogue, picture, tmp_path, theirs):
    from catalog.vectors.milvus import Milvus

    query = searching.describe(picture(0))
    ours = snapshot().segments[0].segment
    digests = np.roll(ours.digests, 1, axis=0) if theirs.startswith("the same") else np.full((6, 32), 9, np.uint8)
    foreign = {"vectors": np.roll(ours.vectors, 1, axis=0), "image_ids": ours.image_ids, "digests": digests}
    write(tmp_path / "x.h5", space="{}", **foreign)
    settings.VECTOR_INDEX = milvus.url()
    Milvus(settings.VECTOR_INDEX).catch_up(replace(snapshot(), segments=[LiveSegment(open_segment(tmp_path / "x.h5"))]))
    assert_exact(query)


def test_equal_scores_may_come_in_any_order(milvus, db, picture, monkeypatch):
    from catalog.vectors.milvus import MilvusClient

    for level in range(7):  # the same pixels in other bytes
        uploads.add(picture(1, format="PNG", compress_level=level), f"same-{level}.png")
    indexing.index_pending()
    search, chance = MilvusClient.search, np.random.default_rng(0)

    def shuffled(client, name, queries, *, limit, **options):
        (hits,) = search(client, name, queries, limit=100, **options)
        mixed = [hits[position] for position in chance.permutation(len(hits))]
        return [sorted(mixed, key=lambda hit: -hit["distance"])[:limit]]

    monkeypatch.setattr(MilvusClient, "search", shuffled)
    monkeypatch.setattr("catalog.vectors.milvus.MORE", 1)
    query = searching.describe(picture(1, format="PNG"))
    pages = [found(query, start=start, count=1)[0] for start in range(7)]
    assert sorted(pages) == [[image.pk] for image in Image.objects.order_by("pk")]


@as_they_are
def test_a_merge_brings_nothing_to_the_server_again(milvus, catalogue, picture, monkeypatch):
    uploads.add(picture(77), "new.jpg")
    indexing.index_pending()
    sent = []
    monkeypatch.setattr("catalog.vectors.milvus.MilvusClient.upsert", lambda *args, **options: sent.append(args))
    rebuilding.rebuild()
    assert Segment.objects.count() == 1
    assert found(searching.describe(picture(77)))[2] == 7
    assert sent == []


@as_they_are
def test_a_retired_space_is_dropped_from_the_server(milvus, settings, catalogue, another_space):
    (first,) = collections(settings.VECTOR_INDEX)
    rebuilding.reextract()
    assert len(collections(settings.VECTOR_INDEX)) == 2  # the one before is kept, as its segments are
    rebuilding.reextract()
    assert len(collections(settings.VECTOR_INDEX)) == FeatureSpace.objects.count() == 2
    assert first not in collections(settings.VECTOR_INDEX)


@as_they_are
def test_a_rebuild_moves_the_server_to_what_the_new_generation_compares(
    milvus, settings, catalogue, picture, monkeypatch
):
    query, url = searching.describe(picture(40)), settings.VECTOR_INDEX
    assert_exact(query)
    plain = snapshot().key
    assert collections(url) == [collection_of(plain)]

    monkeypatch.setattr(projection, "learn", partial(projection.learn, enough=FEW))
    rebuilding.rebuild()
    first = snapshot().key
    assert collections(url) == [collection_of(first)]  # no search goes by the one before
    assert_exact(query)

    deletion.delete(Image.objects.filter(pk=catalogue[1].pk))
    rebuilding.rebuild()
    second = snapshot().key
    assert len({plain, first, second}) == 3
    assert collections(url) == [collection_of(second)]
    assert_exact(query)

    rebuilding.rebuild()  # the same images teach the same
    assert collections(url) == [collection_of(second)]
    assert_exact(query)


@whitened
def test_the_server_holds_whitened_vectors_and_the_store_keeps_the_descriptors(milvus, settings, catalogue):
    from catalog.vectors.milvus import Milvus

    searching.like(catalogue[0])
    ours = snapshot().segments[0].segment
    with Milvus(settings.VECTOR_INDEX).client() as client:
        rows = client.query(collection_of(snapshot().key), filter="id > 0", output_fields=["id", "vector"], limit=10)
    held = {row["id"]: row["vector"] for row in rows}
    assert sorted(held) == sorted(ours.image_ids.tolist())
    expected = snapshot().whitened(ours.vectors)
    np.testing.assert_allclose([held[pk] for pk in ours.image_ids.tolist()], expected, atol=1e-6)
    assert ours.vectors.min() >= 0 > expected.min()


@whitened
def test_a_rebuild_while_the_server_is_away_is_made_up_for_when_it_is_back(milvus, settings, catalogue, picture):
    key = snapshot().key
    uploads.add(picture(77), "new.jpg")
    indexing.index_pending()
    milvus.stop()
    rebuilding.rebuild()
    assert snapshot().key != key

    milvus.start()
    assert_exact(searching.describe(picture(77)))
    rebuilding.rebuild()
    assert collections(settings.VECTOR_INDEX) == [collection_of(snapshot().key)]


def test_a_page_beyond_what_milvus_ranks_is_refused_with_what_to_do(milvus, catalogue, picture, monkeypatch):
    monkeypatch.setattr("catalog.vectors.milvus.MOST", 4)
    query = searching.describe(picture(0))
    assert len(found(query, start=0, count=3)[0]) == 3
    with pytest.raises(ImageSearchError, match=r"the 4 best images.*narrow the search"):
        found(query, start=3, count=3)


def test_a_server_that_is_away_is_told_of_and_nothing_is_lost(milvus, catalogue, picture, client, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(77))
    milvus.stop()
    told = rf"Milvus at http://127.0.0.1:{milvus.port} cannot be used.*Start that server"
    with pytest.raises(IndexUnavailable, match=told):
        found(searching.describe(picture(0)))
    with pytest.raises(CommandError, match=told):
        call_command("search_by_photo", str(photo))
    assert f"127.0.0.1:{milvus.port}" in str(health.notice())
    assert f"127.0.0.1:{milvus.port}" in client.get("/api/health").json()["notice"]
    assert client.get("/").status_code == 200
    with photo.open("rb") as file:
        answer = client.post("/api/search", {"photo": file})
    assert answer.status_code == 503
    assert "catalog.W002" in [message.id for message in run_checks(tags=["catalog"])]
    assert f"127.0.0.1:{milvus.port}" in answer.json()["detail"]

    uploads.add(picture(77), "new.jpg")
    assert indexing.index_pending().indexed == 1
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    rebuilding.rebuild()

    milvus.start()
    assert f"127.0.0.1:{milvus.port}" not in str(health.notice())
    ids, _, total = found(searching.describe(picture(77)))
    assert Image.objects.get(pk=ids[0]).source == "new.jpg"
    assert (total, catalogue[0].pk in ids) == (6, False)


def test_a_worker_with_nothing_to_describe_brings_what_the_server_missed(milvus, catalogue, picture):
    milvus.stop()
    uploads.add(picture(77), "new.jpg")
    indexing.index_pending()
    milvus.start()
    assert indexing.index_pending().indexed == 0
    assert engine().holds(snapshot())


# The variable ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("local", None),
        ("", None),
        ("milvus+http://vectors:19530", "http://vectors:19530"),
        ("milvus+https://kim:secret@vectors.example.org/shop", "https://kim:secret@vectors.example.org/shop"),
    ],
)
def test_the_variable_names_the_engine(monkeypatch, value, url):
    monkeypatch.setenv("IMAGESEARCH_VECTOR_INDEX", value)
    assert environment.vector_index("IMAGESEARCH_VECTOR_INDEX") == url


@pytest.mark.parametrize(
    "value",
    [
        "milvus",
        "http://vectors:19530",
        "milvus+http://",
        "milvus+http:vectors:19530",
        "milvus+http://vectors:many",
        "milvus+http://vectors:19530/two/words",
        "milvus+http://vectors:19530/9shop",
        "milvus+http://vectors:19530/shop?timeout=9",
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv("IMAGESEARCH_VECTOR_INDEX", value)
    with pytest.raises(ImproperlyConfigured, match=r"^IMAGESEARCH_VECTOR_INDEX is .*milvus\+http://host:19530"):
        environment.vector_index("IMAGESEARCH_VECTOR_INDEX")


def test_credentials_are_not_told(milvus, settings):
    settings.VECTOR_INDEX = f"http://kim:secret@127.0.0.1:{free_port()}"
    with pytest.raises(IndexUnavailable) as refused:
        engine().check()
    assert "secret" not in str(refused.value)


def test_a_site_without_milvus_does_not_import_its_client(tmp_path):
    script = "import sys, django; django.setup(); import catalog.urls, catalog.tasks; print('pymilvus' in sys.modules)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
    environ |= {"DJANGO_SETTINGS_MODULE": "imagesearch.settings", "IMAGESEARCH_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
