"""A catalogue that has grown is rebuilt, or its segments are merged, without anybody's request."""

import pytest

from catalog import locks
from catalog.exceptions import StoreUnavailable
from catalog.models import Collection, Generation, Image, Segment
from catalog.services.index import merging, rebuilding, spaces, store
from catalog.services.index.training.code_specs import CodeSpec
from catalog.services.maintenance import integrity
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from tests.services.index.store_helpers import add_clustered_images, ranked_ids, referenced_files


def test_a_catalogue_that_grew_is_trained_automatically(catalogue):
    rebuilding.maintain()
    assert spaces.active_generation().training_image_count == 0  # too few images for training
    add_clustered_images(5, 10)
    rebuilding.maintain()
    assert spaces.active_generation().training_image_count == 0
    add_clustered_images(5, 10, seed=1)
    rebuilding.maintain()
    assert spaces.active_generation().training_image_count == 106
    assert spaces.active_generation().encoder


@pytest.mark.trains
def test_a_catalogue_that_grew_keeps_its_kind_of_codes(db):
    images = [*add_clustered_images(12, 10), *add_clustered_images(12, 10)]
    for number, image in enumerate(images):
        Image.objects.filter(pk=image.pk).update(
            collection=Collection.objects.get_or_create(name=f"Kind {number // 10}")[0]
        )
    rebuilding.rebuild(CodeSpec(24, "collection"))
    add_clustered_images(60, 5)
    rebuilding.maintain()
    after = spaces.active_generation()
    assert (after.training_image_count, after.encoder.bits, after.code_quality["label_kind"]) == (540, 24, "collection")
    Image.objects.update(collection=None)
    add_clustered_images(60, 10)
    rebuilding.maintain()  # without labels
    after = spaces.active_generation()
    assert (after.training_image_count, after.encoder.bits, after.code_quality) == (1140, 256, None)


def test_unchanged_catalogue_is_not_rebuilt(db):
    add_clustered_images()
    rebuilding.maintain()
    generation, before = spaces.active_generation(), referenced_files()
    for _ in range(2):
        add_clustered_images(1, 10)
        rebuilding.maintain()
    assert spaces.active_generation() == generation
    assert before < referenced_files()


def test_maintain_of_empty_catalogue_creates_no_generation(db):
    rebuilding.maintain()
    assert not Generation.objects.exists()


@pytest.mark.parametrize("merge_is_due", [True, False], ids=["merge", "training"])
def test_maintain_does_nothing_during_rebuild(db, settings, monkeypatch, merge_is_due):
    add_clustered_images()
    if merge_is_due:
        rebuilding.rebuild()
        for _ in range(2):
            add_clustered_images(1, 10)
        monkeypatch.setattr(merging, "MERGE_FACTOR", 2)
    before = (spaces.active_generation(), referenced_files())
    with locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"):
        rebuilding.maintain()
    assert (spaces.active_generation(), referenced_files()) == before
    rebuilding.maintain()
    assert (spaces.active_generation(), referenced_files()) != before


@pytest.mark.slow
def test_damage_stops_maintain_and_is_logged(two_image_segments, caplog):
    add_clustered_images()
    generation = spaces.active_generation()
    store.segment_path(Segment.objects.first().name).write_bytes(b"")
    rebuilding.maintain()
    assert spaces.active_generation() == generation
    assert "could not be rebuilt" in caplog.text
    results = ranking.search(queries.image_query(two_image_segments[5]), SearchOptions(limit=200))
    assert results.total == 124  # the damaged segment has two images
    integrity.repair()
    rebuilding.maintain()
    assert spaces.active_generation().encoder


def test_disk_error_stops_maintain(two_image_segments, monkeypatch, caplog):
    def fail(*args):
        raise StoreUnavailable("The disk is full.")

    add_clustered_images()
    generation = spaces.active_generation()
    before = ranked_ids(two_image_segments[0])
    monkeypatch.setattr(store, "write_segment", fail)
    rebuilding.maintain()
    assert spaces.active_generation() == generation
    assert "The disk is full." in caplog.text
    assert ranked_ids(two_image_segments[0]) == before
