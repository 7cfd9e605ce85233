"""A rebuild builds a new generation and activates it, or leaves the previous one active."""

import threading
from contextlib import ExitStack

import pytest

from catalog import locks
from catalog.exceptions import CatalogueBusy, SegmentDamaged
from catalog.models import Descriptor, Generation, Image, Segment
from catalog.services.index import activation, rebuilding, spaces, store
from catalog.services.index.training import generation_training
from catalog.services.maintenance import integrity
from catalog.services.media import deletion
from tests.services.index.store_helpers import ranked_ids, referenced_files, segment_files


@pytest.mark.slow
def test_small_segments_are_merged_and_search_results_stay_the_same(transactional_db, two_image_segments):
    before = {image.pk: ranked_ids(image) for image in two_image_segments}
    assert Segment.objects.count() == 3
    result = rebuilding.rebuild()
    assert (result.images, result.segments) == (6, 1)
    assert segment_files() == referenced_files()
    assert {image.pk: ranked_ids(image) for image in two_image_segments} == before
    assert integrity.check().ok


def test_rebuild_removes_rows_of_deleted_images(two_image_segments):
    deletion.delete(Image.objects.filter(pk__in=[two_image_segments[0].pk, two_image_segments[3].pk]))
    rebuilding.rebuild()
    assert Segment.objects.get().rows == 4
    assert not Descriptor.objects.filter(image=None).exists()
    assert len(ranked_ids(two_image_segments[1])) == 3


@pytest.mark.slow
def test_a_segment_without_live_rows_is_deleted(transactional_db, two_image_segments):
    deletion.delete(Image.objects.all())
    result = rebuilding.rebuild()
    assert result.segments == 0
    assert segment_files() == set()


def test_a_segment_without_dead_rows_is_not_rewritten(two_image_segments):
    rebuilding.rebuild()
    before = referenced_files()
    rebuilding.rebuild()
    assert referenced_files() == before


def test_one_generation_is_active_after_any_number_of_rebuilds(two_image_segments):
    first = spaces.active_generation()
    made = [rebuilding.rebuild().generation for _ in range(3)]
    assert spaces.active_generation() == made[-1] != first
    assert Generation.objects.filter(state=Generation.State.ACTIVE).count() == 1
    assert spaces.active_generation().activated_at


def test_an_empty_catalogue_is_rebuilt_into_an_empty_one(db):
    result = rebuilding.rebuild()
    assert (result.images, result.segments) == (0, 0)


def test_a_damaged_segment_stops_a_rebuild_and_the_previous_generation_stays_active(two_image_segments):
    before = spaces.active_generation()
    store.segment_path(Segment.objects.first().name).write_bytes(b"")
    with pytest.raises(SegmentDamaged):
        rebuilding.rebuild()
    assert spaces.active_generation() == before
    integrity.repair()
    assert rebuilding.rebuild().images == 6


def test_rebuild_after_a_stopped_one_succeeds(two_image_segments, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    before = spaces.active_generation()
    with monkeypatch.context() as stopping:
        stopping.setattr(activation, "activate", stop)
        with pytest.raises(KeyboardInterrupt):
            rebuilding.rebuild()
    assert spaces.active_generation() == before
    assert len(ranked_ids(two_image_segments[0])) == 5
    assert rebuilding.rebuild().images == 6
    assert not Generation.objects.filter(state=Generation.State.BUILDING).exists()


def test_concurrent_rebuild_is_rejected(two_image_segments, settings):
    rejection = pytest.raises(CatalogueBusy, match=r"already being rebuilt\. Try again when the rebuild has finished")
    with locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"), rejection:
        rebuilding.rebuild()


def test_a_rebuild_is_not_stopped_by_a_process_that_asks_whether_one_is_running(two_image_segments, settings):
    """To ask, it takes the lock for a moment."""
    asking = ExitStack()
    asking.enter_context(locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"))
    timer = threading.Timer(0.1, asking.close)
    timer.start()
    try:
        assert rebuilding.rebuild().images == 6
    finally:
        timer.join()


def test_rebuild_restarted_elsewhere_stops_with_message(two_image_segments, monkeypatch):
    """Locks only work on one machine. A rebuild elsewhere assumes that the process of an unfinished generation died."""

    def start_rebuild_on_another_machine(*args):
        Generation.objects.filter(state=Generation.State.BUILDING).delete()

    before = spaces.active_generation()
    monkeypatch.setattr(generation_training, "tune", start_rebuild_on_another_machine)
    with pytest.raises(CatalogueBusy, match="Another machine has started a rebuild"):
        rebuilding.rebuild()
    assert spaces.active_generation() == before
    assert len(ranked_ids(two_image_segments[0])) == 5


def test_an_image_that_is_deleted_during_a_merge_is_not_searchable_after_it(two_image_segments, monkeypatch):
    def write_and_delete_image(space, rows):
        segment = write_segment(space, rows)
        Image.objects.filter(pk=two_image_segments[0].pk).delete()
        return segment

    write_segment = store.write_segment
    monkeypatch.setattr(store, "write_segment", write_and_delete_image)
    rebuilding.rebuild()
    monkeypatch.undo()
    scores = dict(ranked_ids(two_image_segments[1]))
    assert len(scores) == 4
    assert two_image_segments[0].pk not in scores


def test_progress_is_reported_by_phase(two_image_segments):
    progress_calls = []
    rebuilding.rebuild(progress=lambda phase, done, total: progress_calls.append((phase, done, total)))
    assert progress_calls == [
        ("merging", 1, 1),
        *(("training", done, 1) for done in (0, 1)),
        ("encoding", 1, 1),
        *(("measuring", done, 1) for done in (0, 1)),
        ("activating", 1, 1),
    ]
