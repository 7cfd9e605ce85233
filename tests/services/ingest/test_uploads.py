"""Each picture is added once, stored under its digest and indexed later by a worker."""

import os
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError

from catalog.imaging.digests import sha256
from catalog.models import Collection, Image, ImportedFile, Tag
from catalog.services.ingest import commit, uploads
from catalog.services.ingest.batch import prepare_batch, read_batch, thread_pools
from catalog.services.maintenance import orphans
from catalog.services.media import files
from tests.processes import read_json_output
from tests.services.ingest.import_helpers import media_files, source_files

Outcome = ImportedFile.Outcome
IMAGE_SIZES = {"width": 1, "height": 1, "bytes": 1, "thumbnail_width": 1, "thumbnail_height": 1}


def test_an_added_picture_is_stored_under_its_digest_and_pending(db, picture):
    data = picture(1)
    result = uploads.add_picture(data, "holiday.jpg")
    image = result.image
    assert (result.outcome, result.name, result.reason) == (Outcome.ADDED, "holiday.jpg", "")
    assert image.status == Image.Status.PENDING
    assert image.sha256 == sha256(data)
    assert (image.format, image.width, image.height, image.bytes) == ("JPEG", 160, 120, len(data))
    assert files.read(image) == data
    assert media_files() == [str(image.original), str(image.thumbnail)]


def test_the_format_is_detected_from_the_content(db, picture):
    image = uploads.add_picture(picture(1, format="PNG"), "wrong-extension.jpg").image
    assert image.format == "PNG"
    assert str(image.original).endswith(".png")
    assert image.source == "wrong-extension.jpg"


def test_an_added_picture_has_its_collection_tags_and_user(uploader, picture):
    collection = Collection.objects.create(name="Bags")
    red, new = Tag.objects.create(name="r"), Tag.objects.create(name="n")
    image = uploads.add_picture(picture(1), "a.jpg", collection=collection, tags=[red, new], user=uploader).image
    assert (image.collection, image.uploaded_by) == (collection, uploader)
    assert set(image.tags.all()) == {red, new}


@pytest.mark.parametrize(
    ("raw", "sanitised"),
    [
        ("../../etc/passwd.jpg", "etc/passwd.jpg"),
        ("nul\x00byte.jpg", "nulbyte.jpg"),
        ("🌹 rose.jpg", "🌹 rose.jpg"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
    ],
)
def test_a_file_name_is_sanitised_and_reaches_no_other_folder(db, picture, data_dir, raw, sanitised):
    image = uploads.add_picture(picture(1), raw).image
    image.full_clean()
    assert Image.objects.get().source == sanitised
    assert all(path.startswith(("originals/", "thumbnails/")) for path in media_files())


def test_a_duplicate_returns_the_existing_image(db, picture):
    first = uploads.add_picture(picture(1), "first.jpg").image
    again = uploads.add_picture(picture(1), "again.jpg", collection=Collection.objects.create(name="Other"))
    assert (again.outcome, again.image) == (Outcome.DUPLICATE, first)
    first.refresh_from_db()
    assert (first.source, first.collection) == ("first.jpg", None)


def test_the_same_bytes_twice_in_one_batch_are_added_once(db, picture):
    results = uploads.add_batch(source_files(("a", picture(1)), ("b", picture(2)), ("c", picture(1)), ("d", b"")))
    outcomes = [Outcome.ADDED, Outcome.ADDED, Outcome.DUPLICATE, Outcome.REJECTED]
    assert [result.outcome for result in results] == outcomes
    assert results[2].image == results[0].image
    assert Image.objects.get(pk=results[0].image.pk).source == "a"


def test_no_files_give_no_results(db):
    assert uploads.add_batch([]) == []


def test_a_concurrently_inserted_image_is_a_duplicate(db, picture, monkeypatch):
    """Another process inserts the same image between the query and the insertion."""
    images_by_digest, others = commit.images_by_digest, []

    def query_then_insert_elsewhere(digests):
        images = images_by_digest(digests)
        if sha256(picture(1)) in digests and Path(default_storage.path("originals")).exists() and not others:
            others.append(Image.objects.create(sha256=sha256(picture(1)), original="originals/x", **IMAGE_SIZES))
        return images

    monkeypatch.setattr(commit, "images_by_digest", query_then_insert_elsewhere)
    concurrent, other = uploads.add_batch(source_files(("a", picture(1)), ("b", picture(2))))
    assert (concurrent.outcome, concurrent.image) == (Outcome.DUPLICATE, others[0])
    assert concurrent.image.get_absolute_url()
    assert other.outcome is Outcome.ADDED
    assert Image.objects.count() == 2


def test_adding_to_a_concurrently_deleted_collection_fails(transactional_db, picture):
    deleted = Collection.objects.create(name="Deleted")
    Collection.objects.all().delete()
    deleted.pk = 4711
    with pytest.raises(IntegrityError):
        uploads.add_picture(picture(1), "a.jpg", collection=deleted)
    assert not Image.objects.exists()


@pytest.mark.slow
def test_two_processes_add_the_same_pictures_once(installation):
    script = (
        "import io, json, numpy as np\n"
        "from PIL import Image as Pixels\n"
        "from catalog.services.ingest import uploads\n"
        "from catalog.services.ingest.sources import SourceFile\n"
        "results = []\n"
        "for number in range(12):\n"
        "    out = io.BytesIO()\n"
        "    rng = np.random.default_rng(number)\n"
        "    Pixels.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, 'PNG')\n"
        "    result = uploads.add_batch([SourceFile(str(number), out.getvalue)])[0]\n"
        "    results.append((result.outcome.value, result.image.pk))\n"
        "print(json.dumps(results))"
    )
    one, other = map(read_json_output, [installation.start(script), installation.start(script)])
    for (outcome, pk), (other_outcome, other_pk) in zip(one, other, strict=True):
        assert {outcome, other_outcome} == {"added", "duplicate"}
        assert pk == other_pk


def test_preparing_a_batch_stores_nothing(db, picture):
    with thread_pools() as pools:
        prepare_batch(read_batch(source_files(("a", picture(0))), pools), pools)
    assert media_files() == []
    assert not Image.objects.exists()


def test_a_worker_is_notified_of_a_new_picture_only(db, picture, monkeypatch, django_capture_on_commit_callbacks):
    task_names = []
    monkeypatch.setattr("catalog.services.jobs.dispatch._enqueue", lambda name, *args: task_names.append(name))
    for data in (picture(1), b"rejected"):
        with django_capture_on_commit_callbacks(execute=True):
            uploads.add_picture(data, "a.jpg")
    assert task_names == ["catalog.tasks.index_pending"]


@pytest.mark.slow
def test_a_cleanup_deletes_the_files_of_a_killed_upload(installation):
    killed = installation.start(
        "import io, os, signal\n"
        "from PIL import Image as Pixels\n"
        "from catalog.models import Image\n"
        "from catalog.services.ingest import uploads\n"
        "type(Image.objects).bulk_create = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)\n"
        "out = io.BytesIO()\n"
        "Pixels.new('RGB', (40, 40)).save(out, 'PNG')\n"
        "uploads.add_picture(out.getvalue(), 'a.png')"
    )
    killed.communicate()
    assert killed.returncode == -9
    orphan_paths = [path for path in (installation.folder / "media").rglob("*") if path.is_file()]
    assert len(orphan_paths) == 2
    for path in orphan_paths:
        os.utime(path, (0, 0))  # young files are kept
    assert installation.run(
        "from catalog.models import Image\n"
        "from catalog.services.maintenance import orphans\n"
        "print([Image.objects.count(), orphans.sweep()])"
    ) == [0, 2]
    assert not any(path.exists() for path in orphan_paths)


def test_a_cleanup_keeps_referenced_files(catalogue):
    assert orphans.sweep() == 0
    assert all(files.has_original(image) for image in catalogue)


@pytest.mark.slow
def test_many_threads_add_many_pictures(installation):
    """Threads of one process, each with its own database connection, as in a web server."""
    assert installation.run(
        "import io, numpy as np\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from PIL import Image as Pixels\n"
        "from catalog.models import Image\n"
        "from catalog.services.ingest import uploads\n"
        "from catalog.services.ingest.sources import SourceFile\n"
        "def add(number):\n"
        "    out = io.BytesIO()\n"
        "    rng = np.random.default_rng(number % 8)\n"
        "    Pixels.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, 'PNG')\n"
        "    return uploads.add_batch([SourceFile('x', out.getvalue)])[0].outcome.value\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    outcomes = list(pool.map(add, range(24)))\n"
        "print([outcomes.count('added'), outcomes.count('duplicate'), Image.objects.count()])"
    ) == [8, 16, 8]
