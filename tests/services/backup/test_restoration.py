"""Restoring a backup into an empty catalogue."""

import io
import json
import tarfile
from collections import namedtuple
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from catalog.exceptions import BackupRejected, StoreUnavailable
from catalog.models import Generation, Image, Segment
from catalog.services.accounts import audit
from catalog.services.backup import archive, creation, restoration, tables
from catalog.services.index import extraction, rebuilding
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity
from catalog.services.media import deletion, files


def dumped_tables():
    """All rows, as text."""
    rows = {}
    for model in tables.models_after(tables.current_migrations()):
        tables.dump(model, file := io.BytesIO())
        rows[model._meta.label] = file.getvalue().decode().splitlines()
    return rows


def change_header(path, **changes):
    """Write a backup with another header, but right digests."""
    backup = path.with_suffix(".changed")
    with tarfile.open(path) as tar, archive.create_archive(backup) as writer:
        for member in tar:
            data = tar.extractfile(member).read()
            if member.name == "header.json":
                data = json.dumps(json.loads(data) | changes).encode()
            if member.name != "SHA256SUMS":
                writer.add(member.name, io.BytesIO(data))
    return backup


def test_every_row_and_file_is_restored(pictures, uploader, tmp_path, move_to_empty_site):
    Image.objects.filter(pk=pictures[0].pk).update(title="Ein Bär – 熊", uploaded_by=uploader)
    before = dumped_tables()
    creation.create(tmp_path / "backup.tar")
    move_to_empty_site()
    assert not Image.objects.exists()
    summary = restoration.restore(tmp_path / "backup.tar")
    assert (summary.images, summary.segments, summary.missing_originals) == (6, 1, 0)
    after = dumped_tables()
    assert '"restored"' in after["catalog.AuditEntry"].pop()
    assert after == before
    assert integrity.check().problems == []
    assert User.objects.get(username="ursula").user_permissions.get() == Permission.objects.get(codename="add_image")


def test_images_that_were_pending_wait_only_since_the_restore(pictures, tmp_path, move_to_empty_site):
    Image.objects.filter(pk=pictures[0].pk).update(status="pending", pending_since=timezone.now() - timedelta(days=30))
    creation.create(tmp_path / "backup.tar")
    move_to_empty_site()
    restoration.restore(tmp_path / "backup.tar")
    assert timezone.now() - Image.objects.waiting_since() < timedelta(minutes=5)


def test_pictures_can_be_added_afterwards(backup, move_to_empty_site, picture):
    move_to_empty_site()
    restoration.restore(backup)
    added = uploads.add_picture(picture(500), "new.jpg")
    extraction.index_pending()
    assert Image.objects.indexed().count() == 7
    assert added.image.pk == max(Image.objects.values_list("pk", flat=True))


def test_a_catalogue_with_images_is_never_replaced(backup, pictures):
    before = dumped_tables()
    with pytest.raises(BackupRejected, match="not empty"):
        restoration.restore(backup)
    assert dumped_tables() == before


def test_a_site_whose_images_were_deleted_is_empty(backup, move_to_empty_site, picture):
    move_to_empty_site()
    uploads.add_picture(picture(500), "trial.jpg")
    extraction.index_pending()
    deletion.delete(Image.objects.all())
    rebuilding.maintain()
    assert Generation.objects.exists()
    assert restoration.restore(backup).images == 6
    assert integrity.check().problems == []


def test_a_picture_that_is_uploaded_in_the_meantime_is_kept(backup, move_to_empty_site, picture):
    move_to_empty_site()

    def upload(phase, done, total):
        if phase == restoration.RESTORING and not Image.objects.exists():
            uploads.add_picture(picture(900), "meantime.jpg")

    with pytest.raises(BackupRejected, match="not empty"):
        restoration.restore(backup, upload)
    assert Image.objects.get().source == "meantime.jpg"


def test_a_damaged_backup_changes_nothing(backup, move_to_empty_site, settings):
    move_to_empty_site()
    data = bytearray(backup.read_bytes())
    data[data.rindex(b"\xff\xd9")] ^= 1  # the end of a JPEG file
    backup.write_bytes(data)
    with pytest.raises(BackupRejected, match="has changed since"):
        restoration.restore(backup)
    assert not Image.objects.exists()
    assert not settings.FEATURES_DIR.exists()
    assert not settings.MEDIA_ROOT.exists()


def test_a_restore_that_was_stopped_is_started_again(backup, move_to_empty_site):
    move_to_empty_site()

    def stop(current, done, total):
        if current == restoration.RESTORING and done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restoration.restore(backup, stop)
    assert not Image.objects.exists()
    assert restoration.restore(backup).images == 6
    assert integrity.check().problems == []


def test_originals_that_are_already_there_are_used(pictures, tmp_path, move_to_empty_site):
    creation.create(tmp_path / "backup.tar", with_originals=False)
    originals = {str(image.original): files.read(image) for image in pictures[1:]}
    move_to_empty_site()
    for name, data in originals.items():
        files.save(name, data)
    assert restoration.restore(tmp_path / "backup.tar").missing_originals == 1
    assert len(integrity.check().problems) == 1


def test_too_little_space_is_noticed_before_anything_is_written(backup, move_to_empty_site, monkeypatch, settings):
    move_to_empty_site()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(restoration.shutil, "disk_usage", lambda path: usage(0, 0, 1000))
    with pytest.raises(StoreUnavailable, match="Restoring needs about 1 MB"):
        restoration.restore(backup)
    assert not Image.objects.exists()


def test_a_backup_of_a_later_version_is_refused(backup, move_to_empty_site):
    move_to_empty_site()
    later = change_header(backup, migrations={"catalog": "9999_later"})
    with pytest.raises(BackupRejected, match=r"later version of the program.*9999_later"):
        restoration.restore(later)


def test_a_backup_of_an_earlier_version_is_migrated(pictures, tmp_path, monkeypatch, move_to_empty_site):
    """0006_accounts added the tables of tokens and audit entries."""
    latest = tables.current_migrations()
    earlier = latest | {"catalog": "0005_query_photo_digest"}
    executor = MigrationExecutor(connection)
    executor.migrate([("catalog", earlier["catalog"])])
    with monkeypatch.context() as patch:
        patch.setattr(tables, "current_migrations", lambda: earlier)
        patch.setattr(audit, "record", lambda *args, **kwargs: None)  # that version had no audit log
        creation.create(tmp_path / "backup.tar")
    MigrationExecutor(connection).migrate([("catalog", latest["catalog"])])
    move_to_empty_site()
    assert restoration.restore(tmp_path / "backup.tar").images == 6
    assert tables.current_migrations() == latest
    assert Segment.objects.count() == 1
    assert integrity.check().problems == []
