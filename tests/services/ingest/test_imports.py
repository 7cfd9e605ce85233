"""Bulk imports are jobs: they run to their end, continue after an interruption and record a result for each file."""

import os
import shutil
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.exceptions import StoreUnavailable
from catalog.models import Image, Import
from catalog.services.ingest import imports
from catalog.services.jobs import leases
from tests.services.ingest.import_helpers import create_zip, enqueue_import, recorded_outcomes


def test_an_import_of_a_folder_records_an_outcome_for_each_file(db, folder):
    run = enqueue_import(folder=folder, from_folders=True)
    assert run.state == Import.State.WAITING
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.file_count, run.lease_owner) == (Import.State.DONE, 5, "")
    outcomes = recorded_outcomes(run)
    assert [outcome for outcome, _ in outcomes.values()] == ["added", "added", "added", "added", "rejected"]
    assert outcomes["cups/notes.txt"][1].startswith("This file isn't a picture")
    assert Image.objects.indexed().count() == 4
    assert run.files.get(name="bags/b.jpg").image.collection.name == "bags"


def test_an_uploaded_archive_is_imported_and_deleted(db, settings, mixed_zip):
    run = enqueue_import(archive=SimpleUploadedFile("mixed.zip", mixed_zip.read_bytes()))
    assert len(list(settings.IMPORTS_DIR.iterdir())) == 1
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.name, run.file_count) == (Import.State.DONE, "mixed.zip", 9)
    assert [outcome for outcome, _ in recorded_outcomes(run).values()].count("added") == 2
    assert list(settings.IMPORTS_DIR.iterdir()) == []


def test_an_import_of_a_damaged_archive_fails_with_the_reason(db, tmp_path):
    path = create_zip(tmp_path / "x.zip", {"a.jpg": b"a" * 5000})
    run = enqueue_import(archive=SimpleUploadedFile("x.zip", path.read_bytes()[:-30]))
    imports.run(run.pk)
    run.refresh_from_db()
    assert run.state == Import.State.FAILED
    assert run.failure_reason == "This archive is damaged or incomplete. Copy or upload it again."


def test_an_import_of_a_missing_folder_fails_with_the_reason(db, folder, tmp_path):
    run = enqueue_import(folder=folder)
    folder.rename(tmp_path / "elsewhere")
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.failure_reason) == (Import.State.FAILED, f"{folder} does not exist.")


def test_an_interrupted_import_continues_after_the_last_recorded_file(db, settings, folder, monkeypatch):
    run = enqueue_import(folder=folder)
    settings.BATCH_SIZE = 1
    record_results = imports._record_results

    def stop_after_three(run, results):
        if run.files.count() == 3:
            raise KeyboardInterrupt
        record_results(run, results)

    with monkeypatch.context() as patch:
        patch.setattr(imports, "_record_results", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            imports.run(run.pk)
    assert run.files.count() == 3
    run.refresh_from_db()
    assert (run.state, run.lease_owner) == (Import.State.RUNNING, "")

    imports.run_waiting()
    run.refresh_from_db()
    assert run.state == Import.State.DONE
    assert list(run.files.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
    assert Image.objects.count() == 4


@pytest.mark.slow
def test_an_import_of_a_killed_worker_is_finished_by_the_next_worker(installation, folder):
    setup = "from pathlib import Path\nfrom catalog.models import *\nfrom catalog.services.ingest import imports\n"
    pictures = shutil.copytree(folder, installation.folder / "import" / "pictures")
    killed = installation.start(
        setup
        + f"run = imports.enqueue(folder=Path({str(pictures)!r}), collection=None, from_folders=False, user=None)\n"
        "import os, signal\n"
        "from django.conf import settings\n"
        "settings.BATCH_SIZE = 1\n"
        "record_results = imports._record_results\n"
        "def record_or_die(run, results):\n"
        "    if run.files.count() == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    record_results(run, results)\n"
        "imports._record_results = record_or_die\n"
        "imports.run(run.pk)"
    )
    killed.communicate()
    assert killed.returncode == -9
    assert installation.run(
        setup + "before = ImportedFile.objects.count()\n"
        "imports.run_waiting()\n"
        "run = Import.objects.get()\n"
        "print([before, ImportedFile.objects.count(), Image.objects.indexed().count(), int(run.state == 'done')])"
    ) == [2, 5, 4, 1]


def test_a_leased_import_is_not_run(db, folder):
    run = enqueue_import(folder=folder)
    with leases.lease_owner(Import) as owner:
        assert leases.lease(Import.objects.all(), owner, 1) == [run]
        imports.run_waiting()
        assert not run.files.exists()


def test_a_finished_import_is_not_run_again(db, folder):
    run = enqueue_import(folder=folder)
    imports.run(run.pk)
    Image.objects.all().delete()
    imports.run(run.pk)
    assert not Image.objects.exists()


def test_running_a_deleted_import_does_nothing(db):
    imports.run(4711)


def test_a_full_disk_leaves_the_import_waiting_with_the_reason(db, folder, monkeypatch):
    run = enqueue_import(folder=folder)

    def raise_disk_full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raise_disk_full)
        with pytest.raises(StoreUnavailable):
            imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.lease_owner) == (Import.State.WAITING, "")
    assert "No space left on device" in run.failure_reason
    imports.run_waiting()
    run.refresh_from_db()
    assert (run.state, run.failure_reason) == (Import.State.DONE, "")


def test_an_archive_that_cannot_be_saved_creates_no_import(db, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.IMPORTS_DIR = tmp_path / "file" / "imports"
    with pytest.raises(StoreUnavailable, match="The archive could not be saved in"):
        enqueue_import(archive=SimpleUploadedFile("x.zip", b"PK"))
    assert not Import.objects.exists()


def test_a_worker_is_notified_of_an_import(db, folder, monkeypatch, django_capture_on_commit_callbacks):
    messages = []
    monkeypatch.setattr("catalog.services.jobs.dispatch._enqueue", lambda *args: messages.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        run = enqueue_import(folder=folder)
    assert messages == [("catalog.tasks.run_import", run.pk)]


def test_orphan_archives_are_deleted_after_a_day(db, settings):
    run = enqueue_import(archive=SimpleUploadedFile("x.zip", b"PK"))
    recent, orphan = settings.IMPORTS_DIR / "recent.archive", settings.IMPORTS_DIR / "orphan.archive"
    for path in (recent, orphan):
        path.write_bytes(b"PK")
    for path in (orphan, settings.IMPORTS_DIR / run.archive):
        os.utime(path, (0, time.time() - 25 * 3600))
    assert imports.delete_orphan_archives() == 1
    assert {path.name for path in settings.IMPORTS_DIR.iterdir()} == {recent.name, run.archive}
