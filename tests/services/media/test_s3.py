"""Originals and thumbnails in S3, on a real S3 server."""

from datetime import timedelta
from uuid import uuid4

import boto3
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from moto.server import ThreadedMotoServer

from catalog.models import Image, ImportedFile
from catalog.services.backup import creation, restoration
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity, orphans
from catalog.services.media import deletion, files
from imagesearch import environment


@pytest.fixture
def bucket(settings, monkeypatch, tmp_path):
    """An empty bucket that the site stores its files in."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"pictures-{uuid4().hex}"  # in this process, buckets outlive their server
    boto3.client("s3").create_bucket(Bucket=name)
    monkeypatch.setenv("MEDIA_STORAGE_URL", f"s3://{name}/shop")
    storage = environment.media_storage("MEDIA_STORAGE_URL", tmp_path)
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    yield boto3.resource("s3").Bucket(name)
    server.stop()


def stored_keys(bucket) -> set[str]:
    return {item.key for item in bucket.objects.all()}


@pytest.mark.django_db(transaction=True)
def test_a_picture_is_added_indexed_and_deleted_in_s3(bucket, picture, client):
    image = uploads.add_picture(picture(1), "bag.jpg").image
    assert stored_keys(bucket) == {f"shop/{image.original}", f"shop/{image.thumbnail}"}

    assert extraction.index_pending().indexed == 1
    assert client.get(image.thumbnail_url).getvalue().startswith(b"\xff\xd8")
    assert client.get(image.original_url).getvalue() == picture(1)
    assert client.get(image.original_url, headers={"Range": "bytes=3-6"}).getvalue() == picture(1)[3:7]

    deletion.delete(Image.objects.all())
    assert stored_keys(bucket) == set()


def test_a_missing_original_in_s3_is_reported_and_restored_by_another_upload(bucket, picture, client, db):
    image = uploads.add_picture(picture(1), "bag.jpg").image
    default_storage.delete(str(image.original))
    assert integrity.check().missing == 1
    assert client.get(image.original_url).status_code == 404
    assert uploads.add_picture(picture(1), "bag.jpg").outcome == ImportedFile.Outcome.DUPLICATE
    assert integrity.check().missing == 0


def test_orphans_in_s3_are_deleted_when_they_are_old(bucket, db, monkeypatch):
    bucket.put_object(Key="shop/originals/ab/orphan.jpg", Body=b"left by a killed upload")
    assert (integrity.check().orphans, orphans.sweep()) == (0, 0)
    monkeypatch.setattr(orphans, "MIN_MEDIA_AGE", timedelta(seconds=-60))
    assert integrity.check().orphans == 1
    assert orphans.sweep() == 1
    assert stored_keys(bucket) == set()


@pytest.mark.django_db(transaction=True)
def test_a_backup_has_the_pictures_in_s3_and_a_restore_puts_them_there(bucket, picture, tmp_path):
    images = [uploads.add_picture(picture(number), "bag.jpg").image for number in range(2)]
    extraction.index_pending()
    default_storage.delete(str(images[1].original))
    keys = stored_keys(bucket)
    assert creation.create(tmp_path / "backup.tar").missing == [f"media/{images[1].original}"]

    call_command("flush", interactive=False)
    bucket.objects.delete()
    assert restoration.restore(tmp_path / "backup.tar").missing_originals == 1
    assert stored_keys(bucket) == keys
    assert files.read(images[0]) == picture(0)
