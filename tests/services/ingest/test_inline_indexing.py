"""Pictures are indexed during an import, from the pixels that were decoded for their thumbnails."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pixels

from catalog.exceptions import StoreUnavailable
from catalog.imaging.decoders import DecoderPool
from catalog.models import Descriptor, Generation, Image
from catalog.services.index import extraction, spaces, store
from catalog.services.ingest import imports
from catalog.services.ingest.batch import prepare_batch, read_batch, thread_pools
from catalog.services.ingest.commit import commit_batch
from catalog.services.ingest.inline_indexing import InlineIndexer
from catalog.services.ingest.sources import SourceFile
from catalog.services.media import deletion
from catalog.vectors.segments import open_segment
from tests.services.concurrent_changes import activate_another_space, run_before_commit


@pytest.fixture(autouse=True)
def small_batches(settings):
    settings.BATCH_SIZE = 2


def import_pictures(*files: bytes, indexer: InlineIndexer) -> list[Image]:
    """Import pictures and return their images, in the same order."""
    source_files = [SourceFile(f"{number}.jpg", partial(bytes, data)) for number, data in enumerate(files)]
    return [result.image for results in imports.import_files(source_files, indexer=indexer) for result in results]


def all_unleased() -> bool:
    """Whether all images are pending and were never leased."""
    return set(Image.objects.values_list("status", "lease_owner", "attempts")) == {("pending", "", 0)}


@pytest.fixture
def decode_count(monkeypatch) -> Counter:
    """How often each file was decoded, by its bytes."""
    counts, render = Counter(), DecoderPool.render

    def count_and_render(pool, data, *args, **options):
        counts[data] += 1
        return render(pool, data, *args, **options)

    monkeypatch.setattr(DecoderPool, "render", count_and_render)
    return counts


def test_each_picture_is_decoded_once(db, picture, decode_count):
    files = list(map(picture, range(5)))
    with InlineIndexer() as indexer:
        import_pictures(*files, indexer=indexer)
    assert Image.objects.indexed().count() == 5
    assert decode_count == Counter(files)


@pytest.mark.slow
def test_the_descriptor_equals_the_descriptor_of_the_original(db, picture):
    exif = Pixels.Exif()
    exif[ExifTags.Base.Orientation] = 6
    files = [
        picture(1, size=(2600, 2000), exif=exif),
        picture(2, size=(700, 560)),
        picture(3, format="PNG", size=(900, 800)),
        picture(4, size=(40, 30)),
    ]
    with InlineIndexer() as indexer:
        images = import_pictures(*files, indexer=indexer)
    extractor = spaces.get_extractor(spaces.get_or_create_active_space(), for_batches=True)
    for image in images:
        descriptor = Descriptor.objects.select_related("segment").get(image=image)
        stored = open_segment(store.segment_path(descriptor.segment.name)).vectors[descriptor.row]
        expected = extractor.extract([extraction.prepare_image(image, extractor)])[0]
        # Stored as float16. Batches of other sizes may round differently.
        assert stored.astype(np.float32) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_indexed_images_are_reported_after_each_commit(db, picture):
    counts: list[int] = []
    with InlineIndexer(counts.append) as indexer:
        import_pictures(*map(picture, range(5)), indexer=indexer)
    assert counts == [2, 2, 1]


def test_new_images_are_leased_by_the_import(db, picture):
    source_files = [SourceFile(f"{number}.jpg", partial(picture, number)) for number in range(4)]
    with InlineIndexer() as indexer:
        batches = imports.import_files(source_files, indexer=indexer)
        next(batches)
        assert extraction.index_pending().indexed == 0
        list(batches)
    assert Image.objects.indexed().count() == 4


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StoreUnavailable("The disk is full.")])
def test_a_stopped_import_releases_its_images(db, picture, stop):
    source_files = [SourceFile(f"{number}.jpg", partial(picture, number)) for number in range(6)]
    with pytest.raises((KeyboardInterrupt, StoreUnavailable)), InlineIndexer() as indexer:
        for _ in imports.import_files(source_files, indexer=indexer):
            raise stop
    assert Image.objects.count() == 2
    assert all_unleased()
    assert extraction.index_pending().indexed == 2


def test_descriptors_that_cannot_be_written_do_not_stop_the_import(db, picture, caplog):
    space = spaces.get_or_create_active_space()
    store.segment_path("").mkdir(parents=True)
    store.segment_path(space.key).write_text("a file where the folder should be")
    with InlineIndexer() as indexer:
        import_pictures(*map(picture, range(7)), indexer=indexer)
    assert Image.objects.count() == 7
    assert all_unleased()
    assert [record.message[:34] for record in caplog.records] == [
        "Descriptors cannot be written to " + str(store.segment_path(""))[0]
    ]


def test_missing_weights_do_not_stop_the_import(db, picture, settings, tmp_path, caplog):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "missing.h5"
    with InlineIndexer() as indexer:
        import_pictures(*map(picture, range(5)), indexer=indexer)
    assert Image.objects.count() == 5
    assert all_unleased()
    assert "missing.h5" in caplog.text


def test_images_after_a_rebuild_are_indexed_in_the_new_space(db, picture):
    old_space = spaces.get_or_create_active_space()
    with pytest.MonkeyPatch.context() as patch, InlineIndexer() as indexer:
        run_before_commit(patch, lambda: activate_another_space("another-space"))
        import_pictures(*map(picture, range(8)), indexer=indexer)
    indexed_count = Descriptor.objects.filter(space__key="another-space").count()
    assert 0 < indexed_count < 8
    assert not Descriptor.objects.filter(space=old_space).exists()
    assert not Image.objects.exclude(lease_owner="").exists()
    assert extraction.index_pending().indexed == 8 - indexed_count


def test_inputs_prepared_for_another_space_are_not_used(db, picture, decode_count):
    """The batch was prepared before a rebuild and is indexed after it."""
    space = spaces.get_or_create_active_space()
    extractor = spaces.get_extractor(space, for_batches=True)
    with thread_pools() as pools, InlineIndexer() as indexer:
        files = read_batch([SourceFile("a.jpg", partial(picture, 1))], pools)
        batch = prepare_batch(files, pools, spaces.get_extractor(space, for_batches=False))
        assert indexer.extractor() is extractor
        (result,) = commit_batch(batch, pools, lease=indexer.new_lease())
        indexer.submit([result.image], batch.prepared, batch.extractor)
    assert Image.objects.indexed().count() == 1
    assert decode_count[picture(1)] == 2


def test_an_image_that_is_deleted_during_its_indexing_is_never_searchable(db, picture, monkeypatch):
    run_before_commit(monkeypatch, lambda: deletion.delete(Image.objects.order_by("pk")[:1]))
    with InlineIndexer() as indexer:
        import_pictures(*map(picture, range(5)), indexer=indexer)
    assert Image.objects.indexed().count() == Image.objects.count() == 4


def test_an_empty_import_creates_no_space(db):
    with InlineIndexer() as indexer:
        assert import_pictures(indexer=indexer) == []
    assert not Generation.objects.exists()
