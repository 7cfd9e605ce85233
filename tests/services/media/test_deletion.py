"""Deleted images are gone at once, and their files are deleted after the commit."""

import os

from django.core.files.storage import default_storage

from catalog import locks
from catalog.models import Descriptor, Image
from catalog.services.ingest import uploads
from catalog.services.maintenance import orphans
from catalog.services.media import deletion
from catalog.services.media.file_locks import file_commit_lock
from catalog.services.search import ranking


def existing_files(image: Image) -> list[bool]:
    """Whether the original and the thumbnail exist."""
    return [default_storage.exists(str(name)) for name in (image.original, image.thumbnail)]


def test_an_image_is_deleted_with_its_files(catalogue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert deletion.delete(Image.objects.filter(pk=catalogue[0].pk)) == 1
    assert not Image.objects.filter(pk=catalogue[0].pk).exists()
    assert existing_files(catalogue[0]) == [False, False]
    assert existing_files(catalogue[1]) == [True, True]


def test_only_the_row_of_a_deleted_image_is_dead(catalogue):
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    assert list(Descriptor.objects.filter(image=None).values_list("row", flat=True)) == [2]
    assert ranking.search_similar(catalogue[0]).total == 4


def test_files_are_kept_until_the_commit(catalogue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=False):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert existing_files(catalogue[0]) == [True, True]


def test_several_images_are_deleted_by_any_filter(catalogue):
    assert deletion.delete(Image.objects.filter(source__endswith=".jpg").exclude(pk=catalogue[0].pk)) == 5
    assert Image.objects.get() == catalogue[0]


def test_deleting_no_images_does_nothing(catalogue):
    assert deletion.delete(Image.objects.none()) == 0
    assert Image.objects.count() == 6


def test_a_pending_image_can_be_deleted(db, picture):
    image = uploads.add_picture(picture(1), "a.jpg").image
    deletion.delete(Image.objects.filter(pk=image.pk))
    assert not Image.objects.exists()


def test_files_of_a_reuploaded_picture_are_kept(catalogue, picture, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    again = uploads.add_picture(picture(0), "again.jpg").image
    for callback in callbacks:
        callback()
    assert existing_files(again) == [True, True]


def test_files_are_left_to_the_cleanup_while_others_write_files(
    catalogue, settings, monkeypatch, django_capture_on_commit_callbacks
):
    file_lock = locks.file_lock
    monkeypatch.setattr(locks, "file_lock", lambda path, **options: file_lock(path, **{**options, "timeout": 0}))
    with file_commit_lock(), django_capture_on_commit_callbacks(execute=True):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert existing_files(catalogue[0]) == [True, True]
    assert orphans.sweep() == 0  # young files are kept
    for name in (catalogue[0].original, catalogue[0].thumbnail):
        os.utime(settings.MEDIA_ROOT / str(name), (0, 0))
    assert orphans.sweep() == 2
    assert existing_files(catalogue[0]) == [False, False]
