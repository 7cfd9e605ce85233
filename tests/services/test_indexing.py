"""From waiting to searchable: each picture once, and none stopped by another."""

import os
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from catalog.exceptions import StoreUnavailable, WeightsUnavailable
from catalog.models import Descriptor, Generation, Image, Segment
from catalog.services import claims, deletion, indexing, orphans, searching, spaces, store, uploads
from catalog.services.originals import read
from catalog.vectors.segments import open_segment

from .meanwhile import another_space_serves, before_the_commit


@pytest.fixture
def waiting(db, picture) -> list[Image]:
    for number in range(5):
        uploads.add(picture(number), f"{number}.jpg")
    return list(Image.objects.order_by("pk"))


def segment_files() -> list[str]:
    return sorted(path.name for path in store.path_of("").rglob("*") if path.is_file())


def test_waiting_images_become_searchable_in_one_segment(waiting):
    tally = indexing.index_pending()
    assert (tally.indexed, tally.failed) == (5, 0)
    assert Image.objects.indexed().count() == 5
    segment = Segment.objects.get()
    assert segment_files() == [segment.name.split("/")[1]]
    rows = open_segment(store.path_of(segment.name))
    assert rows.image_ids.tolist() == [image.pk for image in waiting]
    assert [bytes(digest).hex() for digest in rows.digests] == [image.sha256 for image in waiting]


def test_nothing_waiting_is_nothing_done_and_chooses_no_space(db):
    assert indexing.index_pending().indexed == 0
    assert not Generation.objects.exists()


def test_more_images_than_a_batch_are_all_described_and_told(waiting, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 2)
    told: list[int] = []
    indexing.index_pending(told.append)
    assert sum(told) == 5
    assert Image.objects.indexed().count() == 5
    assert sorted(Segment.objects.values_list("rows", flat=True)) == [1, 2, 2]


def test_a_second_run_describes_nothing_again(waiting):
    indexing.index_pending()
    assert indexing.index_pending().indexed == 0
    assert Descriptor.objects.count() == 5


def test_a_bad_picture_is_marked_failed_with_a_reason_and_the_others_go_on(waiting, monkeypatch):
    os.truncate(default_storage.path(str(waiting[1].original)), 100)
    default_storage.delete(str(waiting[3].original))
    tally = indexing.index_pending()
    assert (tally.indexed, tally.failed) == (3, 2)
    altered, missing = Image.objects.failed().order_by("pk")
    assert (altered, missing) == (waiting[1], waiting[3])
    assert altered.failure_reason == (
        f"The original file {altered.original} is not the picture that was taken in. Upload the picture again."
    )
    assert missing.failure_reason == f"The original file {missing.original} is missing. Upload the picture again."


def test_an_image_that_cannot_be_prepared_is_failed_whatever_is_raised(waiting, monkeypatch):
    def prepare(image, extractor):
        if image == waiting[2]:
            raise RecursionError("deep inside a decoder")
        return indexing_prepare(image, extractor)

    indexing_prepare = indexing.prepare
    monkeypatch.setattr(indexing, "prepare", prepare)
    assert indexing.index_pending().failed == 1
    assert Image.objects.failed().get().failure_reason == "It cannot be read: deep inside a decoder."


def test_an_image_that_was_not_prepared_since_the_work_was_stopped_is_no_failure(waiting, caplog):
    never_begun = Future()
    never_begun.cancel()
    with pytest.raises(CancelledError):
        indexing.outcomes_of(indexing.Work(waiting[:1], [never_begun.result]))
    assert not caplog.records


def test_a_failed_image_can_be_tried_again(waiting):
    place, data = default_storage.path(str(waiting[0].original)), read(waiting[0])
    os.truncate(place, 10)
    indexing.index_pending()
    Path(place).write_bytes(data)
    assert indexing.retry(Image.objects.all()) == 1
    indexing.index_pending()
    waiting[0].refresh_from_db()
    assert (waiting[0].status, waiting[0].failure_reason) == (Image.Status.INDEXED, "")


def test_a_picture_that_was_accepted_is_described_whatever_the_limits_are_now(waiting, settings):
    settings.MAX_PIXELS, settings.MAX_UPLOAD_BYTES, settings.MIN_SIDE = 10, 10, 1000
    assert indexing.index_pending().indexed == 5


def test_an_image_that_is_deleted_while_it_is_described_is_never_searchable(waiting, monkeypatch):
    gone = waiting[2].pk
    before_the_commit(monkeypatch, lambda: deletion.delete(Image.objects.filter(pk=gone)))
    assert indexing.index_pending().indexed == 4
    assert not Image.objects.filter(pk=gone).exists()
    found = searching.like(waiting[0])
    assert found.total == 3
    assert gone not in [hit.image.pk for hit in found.hits]


def test_an_image_that_another_took_over_is_left_to_that_one(waiting, monkeypatch):
    before_the_commit(monkeypatch, lambda: Image.objects.filter(pk=waiting[0].pk).update(claim="elsewhere:1"))
    assert indexing.index_pending().indexed == 4
    waiting[0].refresh_from_db()
    assert (waiting[0].status, waiting[0].claim) == (Image.Status.PENDING, "elsewhere:1")
    assert Descriptor.objects.filter(image=waiting[0]).count() == 0


def test_a_segment_that_cannot_be_written_leaves_images_waiting_and_unclaimed(waiting, monkeypatch):
    space = spaces.active_or_first()
    (store.path_of("")).mkdir(parents=True)
    store.path_of(space.key).write_text("a file where the folder should be")
    for _ in range(indexing.GIVEN_UP_AFTER + 3):
        with pytest.raises(StoreUnavailable, match="Descriptors cannot be written to"):
            indexing.index_pending()
    assert set(Image.objects.values_list("status", "claim", "attempts")) == {("pending", "", 0)}

    store.path_of(space.key).unlink()
    assert indexing.index_pending().indexed == 5


def test_a_storage_that_does_not_answer_leaves_images_waiting(waiting, monkeypatch):
    class Away(type(default_storage._wrapped)):
        def _open(self, *args):
            raise ConnectionError("no route to host")

    monkeypatch.setattr(default_storage._wrapped, "__class__", Away)
    with pytest.raises(StoreUnavailable, match=r"no route to host\. Nothing is lost"):
        indexing.index_pending()
    assert set(Image.objects.values_list("status", "claim", "attempts")) == {("pending", "", 0)}


def test_a_commit_that_fails_leaves_litter_that_is_swept(waiting, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError

    with monkeypatch.context() as failing:
        failing.setattr(store, "register", fail)
        with pytest.raises(KeyError):
            indexing.index_pending()
    assert not Segment.objects.exists()
    assert not Image.objects.exclude(claim="").exists()
    assert orphans.sweep() == 0  # a repair could take it over
    indexing.index_pending()
    assert orphans.sweep() == 1
    assert segment_files() == [store.path_of(Segment.objects.get().name).name]


def test_a_space_that_changed_while_describing_commits_nothing_of_the_old(waiting, monkeypatch):
    """The rest is described in the new one."""
    old = spaces.active_or_first()
    before_the_commit(monkeypatch, lambda: another_space_serves("another-space"))
    assert indexing.index_pending().indexed == 5
    assert not Descriptor.objects.filter(space=old).exists()
    assert Descriptor.objects.filter(space__key="another-space").count() == 5
    assert orphans.sweep() == 1
    assert len(segment_files()) == 1


def test_missing_weights_leave_images_waiting(waiting, settings, tmp_path):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    with pytest.raises(WeightsUnavailable, match=r"gone\.h5"):
        indexing.index_pending()
    assert Image.objects.pending().filter(claim="", attempts=0).count() == 5


def test_images_that_a_living_worker_holds_are_left_to_it(waiting):
    with claims.owner(Image) as owner:
        claims.claim(Image.objects.pending().in_queue_order(), owner, 3)
        assert indexing.index_pending().indexed == 2
    assert indexing.index_pending().indexed == 3


STOPPED_AGAIN_AND_AGAIN = """
import io, json, os, signal, numpy as np
from PIL import Image as Pixels
from django.db import connections
from catalog.models import Image
from catalog.services import indexing, uploads

for number in range(6):
    out = io.BytesIO()
    Pixels.fromarray(np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, "PNG")
    uploads.add_all([uploads.Incoming(["good", "killer"][number == 2], out.getvalue)])
killer = Image.objects.get(source="killer").pk
describe = indexing.describe

def describe_and_die(ready, extractor):
    if killer in [image.pk for image, _ in ready]:
        os.kill(os.getpid(), signal.SIGKILL)
    return describe(ready, extractor)

indexing.describe = describe_and_die
deaths = 0
while Image.objects.pending().exists():
    connections.close_all()
    worker = os.fork()
    if worker == 0:
        indexing.index_pending()
        os._exit(0)
    deaths += os.waitpid(worker, 0)[1] == signal.SIGKILL
    if deaths == 5:
        others = Image.objects.indexed().count()
failed = Image.objects.failed().get()
print(json.dumps([deaths, others, failed.source, failed.failure_reason, Image.objects.indexed().count()]))
"""


def test_a_picture_that_stops_its_worker_is_tried_alone_and_then_given_up(installation):
    """The worker dies each time, with SIGKILL."""
    deaths, after_five, source, reason, indexed = installation.run(STOPPED_AGAIN_AND_AGAIN)
    assert deaths == indexing.GIVEN_UP_AFTER
    assert after_five == indexed == 5
    assert source == "killer"
    assert reason == "The worker was stopped 12 times while describing it."


def test_a_worker_that_is_killed_between_file_and_commit_leaves_litter_and_loses_nothing(installation):
    killed = installation.start(
        "import io, os, signal\n"
        "from PIL import Image as Pixels\n"
        "from catalog.services import indexing, orphans, store, uploads\n"
        "out = io.BytesIO()\n"
        "Pixels.new('RGB', (40, 40)).save(out, 'PNG')\n"
        "uploads.add_all([uploads.Incoming('a.png', out.getvalue)])\n"
        "store.register = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "indexing.index_pending()"
    )
    killed.communicate()
    assert killed.returncode == -9
    assert installation.run(
        "from catalog.models import Image\n"
        "from catalog.services import indexing, integrity, orphans, store\n"
        "litter = len(orphans.found())\n"
        "indexed = indexing.index_pending().indexed\n"
        "swept = orphans.sweep()\n"
        "report = integrity.check()\n"
        "print([litter, indexed, swept, report.orphans, int(report.ok)])"
    ) == [1, 1, 1, 0, 1]
