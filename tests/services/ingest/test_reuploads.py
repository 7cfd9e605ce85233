"""Adding a picture again restores what its image has lost."""

from pathlib import Path

from django.core.files.storage import default_storage

from catalog.models import Image, ImportedFile
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from catalog.services.ingest.batch import prepare_batch, read_batch, thread_pools
from catalog.services.ingest.commit import commit_batch
from catalog.services.media import deletion, files
from tests.services.ingest.import_helpers import source_files

Outcome = ImportedFile.Outcome


def test_a_missing_original_is_restored_by_uploading_it_again(catalogue, picture):
    image = catalogue[0]
    default_storage.delete(str(image.original))
    result = uploads.add_picture(picture(0), "again.jpg")
    assert (result.outcome, result.image) == (Outcome.DUPLICATE, image)
    assert files.read(image) == picture(0)
    assert result.image.status == Image.Status.INDEXED


def test_a_missing_thumbnail_is_created_again_whatever_its_name_was(catalogue, picture):
    image = catalogue[0]
    Image.objects.filter(pk=image.pk).update(thumbnail=f"thumbnails/{image.sha256}.webp")
    uploads.add_picture(picture(0), "again.jpg")
    image.refresh_from_db()
    assert str(image.thumbnail) == files.thumbnail_path(image.sha256)
    assert files.has_thumbnail(image)


def test_a_picture_deleted_during_its_reupload_is_added_again(catalogue, picture, django_capture_on_commit_callbacks):
    with thread_pools() as pools:
        batch = prepare_batch(read_batch(source_files(("a", picture(0)), ("b", picture(0))), pools), pools)
        with django_capture_on_commit_callbacks(execute=True):
            deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
        results = commit_batch(batch, pools)
    assert [result.outcome for result in results] == [Outcome.ADDED, Outcome.DUPLICATE]
    assert results[0].image == results[1].image
    assert files.read(results[0].image) == picture(0)


def test_an_image_that_failed_without_its_original_is_pending_again_once_it_is_restored(db, picture):
    image = uploads.add_picture(picture(0), "one.jpg").image
    default_storage.delete(str(image.original))
    extraction.index_pending()
    assert uploads.add_picture(picture(0), "again.jpg").image.status == Image.Status.PENDING
    assert extraction.index_pending().indexed == 1


def test_an_altered_original_is_reported_and_restored(db, picture):
    image = uploads.add_picture(picture(0), "one.jpg").image
    Path(default_storage.path(str(image.original))).write_bytes(picture(1))
    assert extraction.index_pending().failed == 1
    image.refresh_from_db()
    assert "has changed since it was added. Upload the picture again." in image.failure_reason
    uploads.add_picture(picture(0), "again.jpg")
    assert extraction.index_pending().indexed == 1


def test_a_deleted_picture_can_be_added_again(catalogue, picture, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    result = uploads.add_picture(picture(0), "back.jpg")
    assert result.outcome is Outcome.ADDED
    assert files.has_original(result.image)
