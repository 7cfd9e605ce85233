"""Uploads from pages and the API: add pictures to the catalogue and notify a worker."""

from collections.abc import Iterable, Sequence
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.core.files.uploadedfile import UploadedFile

from catalog.exceptions import CatalogueBusy, Overloaded, StoreUnavailable
from catalog.imaging.filenames import sanitise_filename
from catalog.models import Collection, Image, ImportedFile, Tag
from catalog.services.ingest.batch import prepare_batch, read_batch, thread_pools
from catalog.services.ingest.collections import get_or_create_collection
from catalog.services.ingest.commit import FileResult, commit_batch
from catalog.services.ingest.sources import SourceFile
from catalog.services.jobs import dispatch
from catalog.services.media.decoding import REQUEST_WAIT
from catalog.services.media.upload_limits import read_picture


def add_uploaded_files(
    uploaded_files: Iterable[UploadedFile], *, collection: str = "", tags: Iterable[str] = (), user: Any = None
) -> list[FileResult]:
    """Add the files of a form one after another, so that only one of them is in memory.

    An error of the store after the first file rejects the file, so that the results of the files before are returned.

    Args:
        collection, tags: names. Missing ones are created.
        user: the account that uploads, or None.

    Raises:
        StoreUnavailable, CatalogueBusy, Overloaded: raised by the first file; nothing was added.
    """
    target_collection = get_or_create_collection(collection)
    tag_rows = [Tag.objects.get_or_create(name=name)[0] for name in tags]
    results = []
    for file in uploaded_files:
        try:
            results.append(
                add_picture(read_picture(file), file.name or "", collection=target_collection, tags=tag_rows, user=user)
            )
        except (StoreUnavailable, CatalogueBusy, Overloaded) as error:
            if not results:
                raise
            results.append(FileResult(sanitise_filename(file.name or ""), ImportedFile.Outcome.REJECTED, error=error))
    return results


def add_picture(
    data: bytes,
    name: str,
    *,
    collection: Collection | None = None,
    tags: Sequence[Tag] = (),
    user: Any = None,
) -> FileResult:
    """Add one picture and notify a worker if it has to be indexed. Raises like `add_batch`."""
    (result,) = add_batch([SourceFile(name, lambda: data, collection=collection)], tags=tags, user=user)
    if result.image and result.image.status == Image.Status.PENDING:
        dispatch.notify_pending_images()
    return result


def add_batch(source_files: Sequence[SourceFile], *, tags: Sequence[Tag] = (), user: Any = None) -> list[FileResult]:
    """Read, check and commit a batch of pictures. No worker is notified.

    Raises:
        StoreUnavailable, CatalogueBusy, Overloaded: nothing was added.
    """
    with thread_pools() as pools:
        batch = prepare_batch(read_batch(source_files, pools), pools, wait_seconds=REQUEST_WAIT)
        return commit_batch(batch, pools, tags=tags, user=user)
