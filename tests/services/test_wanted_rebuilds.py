"""A rebuild that is wanted is run once, by whoever comes to it, and is not lost."""

import pytest

from catalog import locks
from catalog.exceptions import CatalogueBusy
from catalog.models import Image, Rebuild
from catalog.services import hints, indexing, rebuilding, spaces, uploads, wanted_rebuilds
from catalog.services.learning import USUAL


def ask(**options) -> Rebuild:
    return wanted_rebuilds.ask(codes=USUAL, user=None, **options)


def test_a_worker_is_told_after_the_commit(catalogue, monkeypatch, django_capture_on_commit_callbacks):
    told = []
    monkeypatch.setattr(hints, "_send", lambda task, *args: told.append(task.name))
    with django_capture_on_commit_callbacks(execute=True):
        ask()
        assert told == []
    assert told == ["catalog.tasks.run_rebuilds"]


def test_it_is_run_once(catalogue):
    wanted = ask()
    wanted_rebuilds.run_waiting()
    serving = spaces.active()
    wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert (wanted.state, wanted.generation, wanted.claim) == ("done", serving, "")
    assert spaces.active() == serving


def test_one_whose_worker_died_is_run_by_the_next(catalogue, monkeypatch):
    def die(*args, **options):
        raise SystemExit

    wanted = ask()
    with monkeypatch.context() as dying:
        dying.setattr(rebuilding, "rebuild", die)
        with pytest.raises(SystemExit):
            wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert wanted.state == "running"
    wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert wanted.state == "done"


def test_one_that_keeps_stopping_its_worker_is_given_up(catalogue):
    wanted = ask()
    Rebuild.objects.update(attempts=wanted_rebuilds.GIVEN_UP_AFTER)
    wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert wanted.state == "failed"
    assert "The worker was stopped 5 times" in wanted.failure_reason


def test_beside_another_rebuild_it_waits(catalogue, settings):
    wanted = ask()
    with locks.held(settings.LOCKS_DIR / "rebuild.lock"), pytest.raises(CatalogueBusy):
        wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert (wanted.state, wanted.attempts) == ("waiting", 0)
    wanted_rebuilds.run_waiting()
    wanted.refresh_from_db()
    assert wanted.state == "done"


def test_pictures_that_come_in_while_all_is_described_again_do_not_wait_for_its_end(catalogue, picture, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 2)
    seen = []
    described = rebuilding._describe_all

    def describe_and_upload(space, progress):
        uploads.add(picture(20), "new.jpg")
        described(space, progress)
        seen.append(Image.objects.get(source="new.jpg").status)

    monkeypatch.setattr(rebuilding, "_describe_all", describe_and_upload)
    ask(reextract=True)
    wanted_rebuilds.run_waiting()
    assert seen == ["indexed"]
    assert Image.objects.indexed().count() == 7


def test_how_far_it_is_is_noted(catalogue, monkeypatch):
    phases = []
    update = Rebuild.objects.none().__class__.update

    def noting(queryset, **values):
        phases.extend([values["phase"]] if "phase" in values else [])
        return update(queryset, **values)

    monkeypatch.setattr(Rebuild.objects.none().__class__, "update", noting)
    ask(reextract=True)
    wanted_rebuilds.run_waiting()
    assert list(dict.fromkeys(phases)) == ["describing", "learning", "coding", "measuring", "swapping in"]
