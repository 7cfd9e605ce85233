"""The checks of readiness, each with what it has to notice."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from catalog.models import Descriptor, Image, Segment
from catalog.services.index import activation, extraction, spaces, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import metrics, readiness
from catalog.services.maintenance.readiness import Check, State
from catalog.services.monitoring import beat_sign
from tests.processes import run_unprivileged
from tests.removed_network import use_removed_network

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def beat(data_dir):
    """Beat runs."""
    beat_sign.record()


def states() -> dict[str, str]:
    return {name: check.state.value for name, check in readiness.check_readiness().items() if check.state != "ready"}


def set_age(image: Image, **changes: object) -> None:
    Image.objects.filter(pk=image.pk).update(**changes)


def test_an_empty_site_is_ready():
    assert states() == {}
    assert readiness.overall_state(readiness.check_readiness()) is State.READY


def test_a_site_with_images_is_ready_and_its_index_is_open(catalogue):
    INDEX.close()
    assert states() == {}
    assert INDEX._segments


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_does_not_answer_is_noticed(catalogue, monkeypatch, error):
    def refuse(*args: object) -> None:
        raise error("/srv/secret/db.sqlite3 is gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    checks = readiness.check_readiness()
    assert {name for name, check in checks.items() if check.state is State.FAILED} == {"database", "index", "queue"}
    assert readiness.overall_state(checks) is State.FAILED
    assert "secret" not in str(checks)


@pytest.mark.parametrize("setting", ["FEATURES_DIR", "MEDIA_ROOT"])
def test_a_folder_that_cannot_be_written_to_is_noticed(settings, public_folder, setting):
    folders = {name: public_folder / name for name in ("FEATURES_DIR", "MEDIA_ROOT")}
    for name, folder in folders.items():
        folder.mkdir()
        folder.chmod(0o555 if name == setting else 0o777)
    settings.FEATURES_DIR = folders["FEATURES_DIR"]
    storage = {**settings.STORAGES["default"], "OPTIONS": {"location": folders["MEDIA_ROOT"]}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    assert "FAILED" in run_unprivileged(lambda: repr(readiness._check_store()))
    folders[setting].chmod(0o777)
    assert "READY" in run_unprivileged(lambda: repr(readiness._check_store()))


def test_damage_of_a_part_of_the_index_degrades_the_site(catalogue):
    store.segment_path(Segment.objects.get().name).write_bytes(b"not HDF5")
    INDEX.close()
    assert states() == {"index": "degraded"}


def test_a_network_that_cannot_be_loaded_is_noticed(catalogue):
    use_removed_network()
    assert states() == {"index": "failed"}


def test_images_that_nobody_indexes_degrade_the_site(picture):
    image = uploads.add_picture(picture(1), "a.jpg").image
    assert states() == {}
    set_age(image, pending_since=timezone.now() - timedelta(minutes=16))
    assert states() == {"queue": "degraded"}


@pytest.mark.parametrize("event", ["a retry", "another space"])
def test_old_images_that_have_just_become_pending_do_not_degrade_the_site(catalogue, event):
    long_ago = timezone.now() - timedelta(days=90)
    if event == "a retry":
        set_age(catalogue[0], created_at=long_ago, pending_since=long_ago, status="failed", failure_reason="It is.")
        extraction.requeue_failed(Image.objects.all())
    else:
        set_age(catalogue[0], created_at=long_ago, pending_since=long_ago)
        Descriptor.objects.filter(image=catalogue[0]).delete()
        activation.sync_image_status(spaces.active_space())
    assert Image.objects.pending().get() == catalogue[0]
    assert states() == {}
    assert "imagesearch_queue_seconds 0." in metrics.render_metrics().decode()


def test_a_long_queue_that_a_worker_works_on_is_no_problem(picture):
    images = [uploads.add_picture(picture(number), "a.jpg").image for number in range(2)]
    set_age(images[0], pending_since=timezone.now() - timedelta(hours=5))
    set_age(images[1], lease_owner="worker:1", lease_expires_at=timezone.now() + timedelta(minutes=1))
    assert states() == {}


def test_beat_that_has_stopped_degrades_the_site(settings, monkeypatch):
    started_at = beat_sign.time.time()
    monkeypatch.setattr(beat_sign.time, "time", lambda: started_at + readiness.MAX_BEAT_SECONDS + 1)
    assert states() == {"beat": "degraded"}


def test_beat_that_never_ran_degrades_the_site(settings):
    (settings.VAR_DIR / "beat-sign").unlink()
    assert states() == {"beat": "degraded"}


def test_backups_that_are_not_configured_are_no_problem(catalogue):
    set_age(catalogue[0], created_at=timezone.now() - timedelta(days=100))
    assert readiness.check_readiness()["backup"] == Check(State.READY, "No folder for backups is configured.")


def test_a_daily_backup_that_is_late_degrades_the_site(catalogue, settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "backups"
    assert readiness.check_readiness()["backup"] == Check(State.READY, "No backup yet.")
    set_age(catalogue[0], created_at=timezone.now() - timedelta(hours=27))
    assert states() == {"backup": "degraded"}, "none was ever written"
    settings.BACKUP_DIR.mkdir()
    backup = settings.BACKUP_DIR / "imagesearch-2020-01-01T030000Z.tar"
    for hours, expected in ((25, {}), (27, {"backup": "degraded"})):
        backup.touch()
        written_at = (timezone.now() - timedelta(hours=hours)).timestamp()
        os.utime(backup, (written_at, written_at))
        assert states() == expected
    assert "last backup was written at 20" in _message_after(backup)


def _message_after(backup: Path) -> str:
    backup.touch()
    return readiness.check_readiness()["backup"].message


def test_the_worst_state_counts():
    ready, degraded, failed = (Check(state) for state in State)
    assert readiness.overall_state({"a": ready, "b": degraded}) is State.DEGRADED
    assert readiness.overall_state({"a": failed, "b": degraded}) is State.FAILED


def test_the_checks_run_few_queries(catalogue, django_assert_max_num_queries):
    readiness.check_readiness()
    with django_assert_max_num_queries(12):
        readiness.check_readiness()
