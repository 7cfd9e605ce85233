"""Every pending image is indexed once, and no image stops the others."""

import os
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from catalog.exceptions import StoreUnavailable, WeightsUnavailable
from catalog.models import Descriptor, Generation, Image, Segment
from catalog.services.index import extraction, spaces, store
from catalog.services.ingest import uploads
from catalog.services.jobs import leases
from catalog.services.maintenance import orphans
from catalog.services.media import deletion
from catalog.services.media.files import read
from catalog.services.search import ranking
from catalog.vectors.segments import open_segment
from tests.services.concurrent_changes import activate_another_space, run_before_commit


@pytest.fixture
def pending_images(db, picture) -> list[Image]:
    for number in range(5):
        uploads.add_picture(picture(number), f"{number}.jpg")
    return list(Image.objects.order_by("pk"))


def segment_files() -> list[str]:
    """Names of all files in the feature store, sorted."""
    return sorted(path.name for path in store.segment_path("").rglob("*") if path.is_file())


def test_pending_images_are_indexed_in_one_segment(pending_images):
    stats = extraction.index_pending()
    assert (stats.indexed, stats.failed) == (5, 0)
    assert Image.objects.indexed().count() == 5
    segment = Segment.objects.get()
    assert segment_files() == [segment.name.split("/")[1]]
    rows = open_segment(store.segment_path(segment.name))
    assert rows.image_ids.tolist() == [image.pk for image in pending_images]
    assert [bytes(digest).hex() for digest in rows.digests] == [image.sha256 for image in pending_images]


def test_without_pending_images_no_space_is_created(db):
    assert extraction.index_pending().indexed == 0
    assert not Generation.objects.exists()


def test_images_are_indexed_and_reported_in_batches(pending_images, settings):
    settings.BATCH_SIZE = 2
    counts: list[int] = []
    extraction.index_pending(counts.append)
    assert sum(counts) == 5
    assert Image.objects.indexed().count() == 5
    assert sorted(Segment.objects.values_list("rows", flat=True)) == [1, 2, 2]


def test_indexed_images_are_not_extracted_again(pending_images):
    extraction.index_pending()
    assert extraction.index_pending().indexed == 0
    assert Descriptor.objects.count() == 5


def test_a_bad_picture_fails_with_a_reason_and_the_others_are_indexed(pending_images, monkeypatch):
    os.truncate(default_storage.path(str(pending_images[1].original)), 100)
    default_storage.delete(str(pending_images[3].original))
    stats = extraction.index_pending()
    assert (stats.indexed, stats.failed) == (3, 2)
    altered, missing = Image.objects.failed().order_by("pk")
    assert (altered, missing) == (pending_images[1], pending_images[3])
    assert altered.failure_reason == (
        f"The original file {altered.original} has changed since it was added. Upload the picture again."
    )
    assert missing.failure_reason == f"The original file {missing.original} is missing. Upload the picture again."


def test_an_image_that_cannot_be_prepared_fails_whatever_exception_is_raised(pending_images, monkeypatch):
    def prepare_or_raise(image, extractor):
        if image == pending_images[2]:
            raise RecursionError("deep inside a decoder")
        return prepare_image(image, extractor)

    prepare_image = extraction.prepare_image
    monkeypatch.setattr(extraction, "prepare_image", prepare_or_raise)
    assert extraction.index_pending().failed == 1
    assert Image.objects.failed().get().failure_reason == "The picture could not be read: deep inside a decoder."


def test_an_image_whose_preparation_was_cancelled_does_not_fail(pending_images, caplog):
    cancelled = Future()
    cancelled.cancel()
    with pytest.raises(CancelledError):
        extraction.collect_prepared(extraction.PendingBatch(pending_images[:1], [cancelled.result]))
    assert not caplog.records


def test_a_failed_image_can_be_indexed_again(pending_images):
    path, data = default_storage.path(str(pending_images[0].original)), read(pending_images[0])
    os.truncate(path, 10)
    extraction.index_pending()
    Path(path).write_bytes(data)
    assert extraction.requeue_failed(Image.objects.all()) == 1
    extraction.index_pending()
    pending_images[0].refresh_from_db()
    assert (pending_images[0].status, pending_images[0].failure_reason) == (Image.Status.INDEXED, "")


def test_an_accepted_picture_is_indexed_whatever_the_limits_are_now(pending_images, settings):
    settings.MAX_PIXELS, settings.MAX_UPLOAD_BYTES, settings.MIN_SIDE = 10, 10, 1000
    assert extraction.index_pending().indexed == 5


def test_an_image_that_is_deleted_during_its_indexing_is_never_searchable(pending_images, monkeypatch):
    deleted_id = pending_images[2].pk
    run_before_commit(monkeypatch, lambda: deletion.delete(Image.objects.filter(pk=deleted_id)))
    assert extraction.index_pending().indexed == 4
    assert not Image.objects.filter(pk=deleted_id).exists()
    results = ranking.search_similar(pending_images[0])
    assert results.total == 3
    assert deleted_id not in [hit.image.pk for hit in results.hits]


def test_an_image_that_another_worker_has_leased_since_is_left_to_that_worker(pending_images, monkeypatch):
    run_before_commit(
        monkeypatch, lambda: Image.objects.filter(pk=pending_images[0].pk).update(lease_owner="other-host:1")
    )
    assert extraction.index_pending().indexed == 4
    pending_images[0].refresh_from_db()
    assert (pending_images[0].status, pending_images[0].lease_owner) == (Image.Status.PENDING, "other-host:1")
    assert Descriptor.objects.filter(image=pending_images[0]).count() == 0


@pytest.mark.slow
def test_images_stay_pending_and_unleased_if_no_segment_can_be_written(pending_images, monkeypatch):
    space = spaces.get_or_create_active_space()
    store.segment_path("").mkdir(parents=True)
    store.segment_path(space.key).write_text("a file where the folder should be")
    for _ in range(extraction.MAX_ATTEMPTS + 3):
        with pytest.raises(StoreUnavailable, match="Descriptors cannot be written to"):
            extraction.index_pending()
    assert set(Image.objects.values_list("status", "lease_owner", "attempts")) == {("pending", "", 0)}

    store.segment_path(space.key).unlink()
    assert extraction.index_pending().indexed == 5


def test_images_stay_pending_if_the_media_storage_is_not_available(pending_images, monkeypatch):
    class UnavailableStorage(type(default_storage._wrapped)):
        def _open(self, *args):
            raise ConnectionError("no route to host")

    monkeypatch.setattr(default_storage._wrapped, "__class__", UnavailableStorage)
    with pytest.raises(StoreUnavailable, match=r"no route to host\. Nothing was lost"):
        extraction.index_pending()
    assert set(Image.objects.values_list("status", "lease_owner", "attempts")) == {("pending", "", 0)}


def test_a_failed_commit_leaves_an_orphan_that_a_cleanup_deletes(pending_images, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(store, "register_segment", fail)
        with pytest.raises(KeyError):
            extraction.index_pending()
    assert not Segment.objects.exists()
    assert not Image.objects.exclude(lease_owner="").exists()
    assert orphans.sweep() == 0  # images lack its descriptors: a repair could adopt them
    extraction.index_pending()
    assert orphans.sweep() == 1
    assert segment_files() == [store.segment_path(Segment.objects.get().name).name]


def test_descriptors_of_a_space_that_is_no_longer_active_are_not_committed(pending_images, monkeypatch):
    old_space = spaces.get_or_create_active_space()
    run_before_commit(monkeypatch, lambda: activate_another_space("another-space"))
    assert extraction.index_pending().indexed == 5
    assert not Descriptor.objects.filter(space=old_space).exists()
    assert Descriptor.objects.filter(space__key="another-space").count() == 5
    assert orphans.sweep() == 1
    assert len(segment_files()) == 1


def test_images_stay_pending_without_weights(pending_images, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "missing.h5"
    with pytest.raises(WeightsUnavailable, match=r"missing\.h5"):
        extraction.index_pending()
    assert Image.objects.pending().filter(lease_owner="", attempts=0).count() == 5


def test_images_that_another_worker_has_leased_are_not_indexed(pending_images):
    with leases.lease_owner(Image) as owner:
        leases.lease(Image.objects.pending().order_by_attempts(), owner, 3)
        assert extraction.index_pending().indexed == 2
    assert extraction.index_pending().indexed == 3


CRASHING_WORKER_SCRIPT = """
import io, json, os, signal, numpy as np
from PIL import Image as Pixels
from django.db import connections
from catalog.models import Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from catalog.services.ingest.sources import SourceFile

for number in range(6):
    out = io.BytesIO()
    Pixels.fromarray(np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, "PNG")
    uploads.add_batch([SourceFile(["good", "killer"][number == 2], out.getvalue)])
killer = Image.objects.get(source="killer").pk
extract = extraction.extract

def extract_or_die(ready, extractor):
    if killer in [image.pk for image, _ in ready]:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract(ready, extractor)

extraction.extract = extract_or_die
deaths = 0
while Image.objects.pending().exists():
    connections.close_all()
    worker = os.fork()
    if worker == 0:
        extraction.index_pending()
        os._exit(0)
    deaths += os.waitpid(worker, 0)[1] == signal.SIGKILL
    if deaths == 5:
        others = Image.objects.indexed().count()
failed = Image.objects.failed().get()
print(json.dumps([deaths, others, failed.source, failed.failure_reason, Image.objects.indexed().count()]))
"""


@pytest.mark.slow
def test_a_picture_that_kills_its_workers_is_isolated_and_then_fails(installation):
    deaths, after_five, source, reason, indexed = installation.run(CRASHING_WORKER_SCRIPT)
    assert deaths == extraction.MAX_ATTEMPTS
    assert after_five == indexed == 5
    assert source == "killer"
    assert reason == (
        "The worker stopped unexpectedly 12 times while indexing this image. "
        "Check the worker's log, then retry the image in the admin."
    )


@pytest.mark.slow
def test_a_worker_that_is_killed_between_file_and_commit_leaves_an_orphan_and_loses_nothing(installation):
    killed = installation.start(
        "import io, os, signal\n"
        "from PIL import Image as Pixels\n"
        "from catalog.services.index import extraction, store\n"
        "from catalog.services.ingest import uploads\n"
        "from catalog.services.ingest.sources import SourceFile\n"
        "out = io.BytesIO()\n"
        "Pixels.new('RGB', (40, 40)).save(out, 'PNG')\n"
        "uploads.add_batch([SourceFile('a.png', out.getvalue)])\n"
        "store.register_segment = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "extraction.index_pending()"
    )
    killed.communicate()
    assert killed.returncode == -9
    assert installation.run(
        "from catalog.models import Image\n"
        "from catalog.services.index import extraction\n"
        "from catalog.services.maintenance import integrity, orphans\n"
        "orphan_count = len(orphans.find_orphans())\n"
        "indexed = extraction.index_pending().indexed\n"
        "swept = orphans.sweep()\n"
        "report = integrity.check()\n"
        "print([orphan_count, indexed, swept, report.orphans, int(report.ok)])"
    ) == [1, 1, 1, 0, 1]
