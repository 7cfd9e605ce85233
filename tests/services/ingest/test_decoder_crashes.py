"""A picture that ends the process that decodes it is rejected by name. It does not stop the site or a worker."""

import io
import json
import threading
import zipfile
from contextlib import contextmanager

import pytest
from django.core.files.base import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from catalog.exceptions import Overloaded
from catalog.models import Image, Import
from catalog.services.index import extraction
from catalog.services.ingest import imports, uploads
from catalog.services.media.decoding import decoder_pool
from tests.imaging.scan_bombs import jpeg_with_scans
from tests.services.ingest.import_helpers import enqueue_import, recorded_outcomes

NAMES = [f"{number:03}.jpg" for number in range(150)]
BOMB_NAME = NAMES[41]


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A picture within all limits on its size, which takes far more than a second of processor time."""
    return jpeg_with_scans(6000, 90)


@pytest.fixture
def one_second(settings) -> None:
    """The kernel ends a decoder process (SIGXCPU) that works on one picture for longer."""
    settings.MAX_DECODING_SECONDS = 1


@contextmanager
def all_decoders_busy():
    pool = decoder_pool()
    decoders = [pool._idle.get() for _ in range(pool._idle.qsize())]
    yield
    for decoder in decoders:
        pool._idle.put(decoder)


@pytest.fixture
def folder(settings, picture, bomb):
    folder = settings.IMPORT_ROOT / "pictures"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(bomb if name == BOMB_NAME else picture(number, size=(64, 48)))
    return folder


@pytest.mark.slow
def test_the_command_imports_all_other_pictures(db, folder, one_second):
    out, messages = io.StringIO(), io.StringIO()
    call_command("import_images", folder, json=True, stdout=out, stderr=messages)
    numbers = json.loads(out.getvalue().splitlines()[-1])
    assert (numbers["found"], numbers["added"], numbers["rejected"]) == (150, 149, 1)
    assert (numbers["indexed"], numbers["failed"]) == (149, 0)
    assert f"{BOMB_NAME}: Decoding this picture takes longer than 1 seconds." in messages.getvalue()


@pytest.mark.slow
def test_an_import_of_an_archive_adds_all_other_pictures(db, folder, one_second, tmp_path):
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for name in NAMES:
            archive.write(folder / name, name)
    with (tmp_path / "pictures.zip").open("rb") as file:
        run = enqueue_import(archive=File(file, "pictures.zip"))
    imports.run(run.pk)
    run = Import.objects.get(pk=run.pk)
    outcomes = recorded_outcomes(run)
    outcome, reason = outcomes.pop(BOMB_NAME)
    assert outcome == "rejected"
    assert "longer than 1 seconds" in reason
    assert set(outcomes.values()) == {("added", "")}
    assert len(outcomes) == 149
    assert Image.objects.indexed().count() == 149
    assert run.state == Import.State.DONE


@pytest.mark.slow
def test_an_upload_of_several_pictures_adds_the_others(db, picture, bomb, one_second):
    uploaded = [
        SimpleUploadedFile(name, data) for name, data in [("1.jpg", picture(1)), ("b.jpg", bomb), ("2.jpg", picture(2))]
    ]
    results = uploads.add_uploaded_files(uploaded)
    assert [result.outcome.value for result in results] == ["added", "rejected", "added"]
    assert results[1].error.code == "too_slow"


@pytest.mark.slow
def test_a_worker_marks_the_image_failed_and_indexes_the_others(db, picture, bomb, settings):
    images = [uploads.add_picture(data, name).image for name, data in [("b.jpg", bomb), ("1.jpg", picture(1))]]
    settings.MAX_DECODING_SECONDS = 1
    extraction.index_pending()
    for image in images:
        image.refresh_from_db()
    assert [image.status for image in images] == ["failed", "indexed"]
    assert "longer than 1 seconds" in images[0].failure_reason


def test_an_upload_is_refused_while_all_decoders_are_busy(db, picture, monkeypatch):
    monkeypatch.setattr(uploads, "REQUEST_WAIT", 0.05)
    with all_decoders_busy(), pytest.raises(Overloaded):
        uploads.add_picture(picture(1), "a.jpg")
    assert not Image.objects.exists()
    assert uploads.add_picture(picture(1), "a.jpg").outcome == "added"


def test_files_uploaded_before_all_decoders_were_busy_are_added(db, picture, monkeypatch):
    monkeypatch.setattr(uploads, "REQUEST_WAIT", 0.05)
    first = uploads.add_picture(picture(1), "1.jpg").image
    with all_decoders_busy():  # the first is a duplicate, which is not decoded
        results = uploads.add_uploaded_files(
            [SimpleUploadedFile("1.jpg", picture(1)), SimpleUploadedFile("2.jpg", picture(2))]
        )
    assert [(result.outcome.value, result.image) for result in results] == [("duplicate", first), ("rejected", None)]
    assert "busy" in results[1].reason


def test_an_import_waits_while_all_decoders_are_busy(db, picture, folder):
    for name in NAMES[2:]:
        (folder / name).unlink()
    run, busy = enqueue_import(folder=folder), all_decoders_busy()
    busy.__enter__()
    release = threading.Timer(0.5, busy.__exit__, (None, None, None))
    release.start()
    imports.run(run.pk)
    assert Image.objects.count() == 2
    assert not release.is_alive()
