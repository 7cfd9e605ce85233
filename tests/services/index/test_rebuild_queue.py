"""A requested rebuild is run once, by one worker, and is not lost if the worker dies."""

import pytest

from catalog import locks
from catalog.exceptions import CatalogueBusy
from catalog.models import Image, Rebuild
from catalog.services.index import rebuild_queue, rebuilding, spaces
from catalog.services.index.training.code_specs import DEFAULT_CODES
from catalog.services.ingest import uploads
from catalog.services.jobs import dispatch


def request_rebuild(**options) -> Rebuild:
    return rebuild_queue.enqueue(code_spec=DEFAULT_CODES, user=None, **options)


def test_a_worker_is_notified_after_the_commit(catalogue, monkeypatch, django_capture_on_commit_callbacks):
    task_names = []
    monkeypatch.setattr(dispatch, "_enqueue", lambda name, *args: task_names.append(name))
    with django_capture_on_commit_callbacks(execute=True):
        request_rebuild()
        assert task_names == []
    assert task_names == ["catalog.tasks.run_rebuilds"]


def test_a_requested_rebuild_is_run_once(catalogue):
    rebuild = request_rebuild()
    rebuild_queue.run_waiting()
    generation = spaces.active_generation()
    rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert (rebuild.state, rebuild.generation, rebuild.lease_owner) == ("done", generation, "")
    assert spaces.active_generation() == generation


def test_a_rebuild_of_a_dead_worker_is_run_by_the_next_worker(catalogue, monkeypatch):
    def die(*args, **options):
        raise SystemExit

    rebuild = request_rebuild()
    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "rebuild", die)
        with pytest.raises(SystemExit):
            rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert rebuild.state == "running"
    rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert rebuild.state == "done"


def test_a_rebuild_that_kills_its_workers_fails(catalogue):
    rebuild = request_rebuild()
    Rebuild.objects.update(attempts=rebuild_queue.MAX_ATTEMPTS)
    rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert rebuild.state == "failed"
    assert "The worker stopped unexpectedly 5 times" in rebuild.failure_reason


def test_a_requested_rebuild_waits_for_a_running_rebuild(catalogue, settings):
    rebuild = request_rebuild()
    with locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"), pytest.raises(CatalogueBusy):
        rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert (rebuild.state, rebuild.attempts) == ("waiting", 0)
    rebuild_queue.run_waiting()
    rebuild.refresh_from_db()
    assert rebuild.state == "done"


def test_pictures_that_are_added_during_a_reextraction_are_indexed_before_its_end(
    catalogue, picture, settings, monkeypatch
):
    settings.BATCH_SIZE = 2
    statuses = []
    extract_all = rebuilding._extract_all

    def upload_and_extract(space, progress):
        uploads.add_picture(picture(20), "new.jpg")
        extract_all(space, progress)
        statuses.append(Image.objects.get(source="new.jpg").status)

    monkeypatch.setattr(rebuilding, "_extract_all", upload_and_extract)
    request_rebuild(reextract=True)
    rebuild_queue.run_waiting()
    assert statuses == ["indexed"]
    assert Image.objects.indexed().count() == 7


def test_progress_is_recorded(catalogue, monkeypatch):
    phases = []
    update = Rebuild.objects.none().__class__.update

    def record_phase(queryset, **values):
        phases.extend([values["phase"]] if "phase" in values else [])
        return update(queryset, **values)

    monkeypatch.setattr(Rebuild.objects.none().__class__, "update", record_phase)
    request_rebuild(reextract=True)
    rebuild_queue.run_waiting()
    assert list(dict.fromkeys(phases)) == ["extracting", "training", "encoding", "measuring", "activating"]
