"""Deleted means gone at once, and gone from the disk."""

from django.core.files.storage import default_storage

from catalog import locks
from catalog.models import Descriptor, Image
from catalog.services import deletion, orphans, searching, store, uploads


def files_of(image: Image) -> list[bool]:
    return [default_storage.exists(str(name)) for name in (image.original, image.thumbnail)]


def test_a_deleted_image_is_gone_with_its_files(catalogue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert deletion.delete(Image.objects.filter(pk=catalogue[0].pk)) == 1
    assert not Image.objects.filter(pk=catalogue[0].pk).exists()
    assert files_of(catalogue[0]) == [False, False]
    assert files_of(catalogue[1]) == [True, True]


def test_its_row_of_the_store_is_dead_and_the_others_live(catalogue):
    deletion.delete(Image.objects.filter(pk=catalogue[2].pk))
    assert list(Descriptor.objects.filter(image=None).values_list("row", flat=True)) == [2]
    assert searching.like(catalogue[0]).total == 4


def test_files_stay_until_the_rows_are_committed(catalogue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=False):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert files_of(catalogue[0]) == [True, True]


def test_many_are_deleted_at_once_by_any_filter(catalogue):
    assert deletion.delete(Image.objects.filter(source__endswith=".jpg").exclude(pk=catalogue[0].pk)) == 5
    assert Image.objects.get() == catalogue[0]


def test_deleting_nothing_is_nothing(catalogue):
    assert deletion.delete(Image.objects.none()) == 0
    assert Image.objects.count() == 6


def test_a_picture_that_waits_can_be_deleted(db, picture):
    image = uploads.add(picture(1), "a.jpg").image
    deletion.delete(Image.objects.filter(pk=image.pk))
    assert not Image.objects.exists()


def test_files_of_a_picture_that_came_again_meanwhile_stay(catalogue, picture, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as deferred:
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    again = uploads.add(picture(0), "again.jpg").image
    for callback in deferred:
        callback()
    assert files_of(again) == [True, True]


def test_files_are_left_to_the_sweep_while_somebody_writes(
    catalogue, settings, monkeypatch, django_capture_on_commit_callbacks
):
    held = locks.held
    monkeypatch.setattr(locks, "held", lambda path, **options: held(path, **{**options, "wait": 0}))
    with store.writing(), django_capture_on_commit_callbacks(execute=True):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert files_of(catalogue[0]) == [True, True]
    assert orphans.sweep() == 2
    assert files_of(catalogue[0]) == [False, False]
