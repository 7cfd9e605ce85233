"""Originals and thumbnails on S3: the journey of a picture, on a real S3 server."""

from uuid import uuid4

import boto3
import pytest
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer

from catalog.models import Image
from catalog.services import deletion, indexing, integrity, orphans, uploads
from imagesearch import environment


@pytest.fixture
def bucket(settings, monkeypatch, tmp_path):
    """An empty bucket, and the site set to keep its files in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"pictures-{uuid4().hex}"  # the server's buckets outlive it, in this process
    boto3.client("s3").create_bucket(Bucket=name)
    monkeypatch.setenv("MEDIA_STORAGE_URL", f"s3://{name}/shop")
    storage = environment.media_storage("MEDIA_STORAGE_URL", tmp_path)
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    yield boto3.resource("s3").Bucket(name)
    server.stop()


def keys(bucket) -> set[str]:
    return {thing.key for thing in bucket.objects.all()}


@pytest.mark.django_db(transaction=True)
def test_a_picture_comes_in_is_described_and_leaves_on_s3(bucket, picture, client):
    image = uploads.add(picture(1), "bag.jpg").image
    assert keys(bucket) == {f"shop/{image.original}", f"shop/{image.thumbnail}"}

    assert indexing.index_pending().indexed == 1
    assert client.get(image.thumbnail_url).getvalue().startswith(b"\xff\xd8")
    assert client.get(image.original_url).getvalue() == picture(1)

    deletion.delete(Image.objects.all())
    assert keys(bucket) == set()


def test_a_missing_original_on_s3_is_told_of_and_put_back_by_the_same_upload(bucket, picture, client, db):
    image = uploads.add(picture(1), "bag.jpg").image
    default_storage.delete(str(image.original))
    assert integrity.check().missing == 1
    assert client.get(image.original_url).status_code == 404
    assert uploads.add(picture(1), "bag.jpg").kind == uploads.Kind.DUPLICATE
    assert integrity.check().missing == 0


def test_litter_on_s3_is_swept(bucket, db):
    bucket.put_object(Key="shop/originals/ab/litter.jpg", Body=b"left by a killed upload")
    assert integrity.check().orphans == 1
    assert orphans.sweep() == 1
    assert keys(bucket) == set()
