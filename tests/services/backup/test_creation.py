"""What a backup contains, whatever happens to the catalogue while it is written."""

import tarfile
from collections import namedtuple

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from catalog.exceptions import BackupRejected, StoreUnavailable
from catalog.models import Image, Segment
from catalog.services.backup import creation, restoration, tables
from catalog.services.index import extraction, merging, spaces, store
from catalog.services.ingest import uploads
from catalog.services.jobs.progress import ignore_progress
from catalog.services.maintenance import integrity
from catalog.services.media import deletion, files
from catalog.services.media.files import original_path
from catalog.services.search import query_photos, saved_searches


def names(path):
    with tarfile.open(path) as tar:
        return tar.getnames()


def read(path, name):
    with tarfile.open(path) as tar:
        return tar.extractfile(name).read().decode()


def test_it_has_all_files_of_the_catalogue(backup, pictures):
    stored = [name for name in names(backup) if name.startswith(("features/", "media/"))]
    expected = {f"features/{segment.name}" for segment in Segment.objects.all()}
    expected |= {f"media/{name}" for image in pictures for name in (image.original, image.thumbnail)}
    assert sorted(stored) == sorted(expected)


def test_a_merge_in_the_meantime_takes_nothing_away(pictures, tmp_path, picture, monkeypatch, move_to_empty_site):
    uploads.add_picture(picture(77), "picture-77.jpg")
    extraction.index_pending()
    before = {segment.name for segment in Segment.objects.all()}
    assert len(before) == 2
    check_space = creation._check_space

    def merge_first(*args):
        merging.merge_all(spaces.active_space(), ignore_progress)
        assert not any(store.segment_path(name).exists() for name in before)
        check_space(*args)

    monkeypatch.setattr(creation, "_check_space", merge_first)
    summary = creation.create(tmp_path / "backup.tar")
    assert (summary.segments, summary.missing, summary.damaged) == (2, [], [])
    move_to_empty_site()
    restoration.restore(tmp_path / "backup.tar")
    assert integrity.check().problems == []


def test_an_image_that_is_deleted_in_the_meantime_is_not_restored(pictures, tmp_path, move_to_empty_site):
    last = pictures[-1]

    def delete_last(phase, done, total):
        if done == 1:
            deletion.delete(Image.objects.filter(pk=last.pk))
            assert not files.has_original(last)

    summary = creation.create(tmp_path / "backup.tar", progress=delete_last)
    assert (summary.images, summary.deleted, summary.missing) == (5, 1, [])
    move_to_empty_site()
    assert restoration.restore(tmp_path / "backup.tar").images == 5
    assert not Image.objects.filter(sha256=last.sha256).exists()
    assert integrity.check().problems == []


def test_lost_and_altered_files_are_named_and_the_rest_is_there(pictures, tmp_path):
    lost, altered = pictures[0], pictures[1]
    files.delete(str(lost.original))
    files.save(str(altered.original), b"something else")
    segment = Segment.objects.get()
    with store.segment_path(segment.name).open("ab") as file:
        file.write(b"\0")
    summary = creation.create(tmp_path / "backup.tar")
    assert summary.missing == [f"media/{lost.original}"]
    assert summary.damaged == [f"features/{segment.name}", f"media/{altered.original}"]
    assert f"media/{pictures[2].original}" in names(tmp_path / "backup.tar")


def test_a_segment_that_is_lost_is_named(pictures, tmp_path):
    segment = Segment.objects.get()
    store.segment_path(segment.name).unlink()
    assert creation.create(tmp_path / "backup.tar").missing == [f"features/{segment.name}"]


def test_originals_can_be_left_out_and_are_listed_then(pictures, tmp_path):
    path = tmp_path / "backup.tar"
    creation.create(path, with_originals=False)
    assert not any(name.startswith("media/originals") for name in names(path))
    assert read(path, "originals.sha256").splitlines() == [
        f"{image.sha256}  media/{original_path(image.sha256, '.jpg')}" for image in pictures
    ]


def test_photos_of_visitors_and_their_sessions_are_left_out(pictures, uploader, tmp_path, picture):
    expiring, saved = (query_photos.store_photo(picture(number), f"{number}.jpg") for number in (1, 2))
    saved_searches.save(uploader, "mine", saved.get_absolute_url(), [saved])
    Session.objects.create(session_key="key", session_data="secret", expire_date=timezone.now())
    creation.create(tmp_path / "backup.tar")
    assert saved.token in read(tmp_path / "backup.tar", "database/catalog.SavedPhoto.jsonl")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        contents = b"".join(tar.extractfile(member).read() for member in tar.getmembers())
    assert expiring.token.encode() not in contents
    assert expiring.picture not in contents
    assert "secret" not in read(tmp_path / "backup.tar", "database/sessions.Session.jsonl")


def test_too_little_space_is_noticed_before_anything_is_copied(pictures, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(creation.shutil, "disk_usage", lambda path: usage(0, 0, 100_000))
    folder = tmp_path / "backups"
    with pytest.raises(StoreUnavailable, match="needs about 1 MB"):
        creation.create(folder / "backup.tar")
    assert list(folder.iterdir()) == []


def test_an_interrupted_backup_leaves_the_earlier_one(backup):
    earlier = backup.read_bytes()

    def interrupt(phase, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        creation.create(backup, progress=interrupt)
    assert backup.read_bytes() == earlier
    assert list(backup.parent.glob(".*")) == []


def test_the_database_must_be_migrated_first(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(tables.MigrationExecutor, "migration_plan", lambda *args: ["a migration"])
    with pytest.raises(BackupRejected, match=r"manage\.py migrate"):
        creation.create(tmp_path / "backup.tar")
