"""The files of images as the site serves them."""

import io
from contextlib import suppress
from functools import partial
from typing import IO

from catalog.exceptions import MetadataNotRemovable, PictureRejected, StoreUnavailable
from catalog.imaging.metadata.parts import PartsReader
from catalog.imaging.metadata.removal import without_metadata
from catalog.imaging.thumbnails import encode_jpeg
from catalog.models import Image
from catalog.services.media import files
from catalog.services.media.decoding import REQUEST_WAIT, render
from catalog.services.media.upload_limits import limits_for_image

RENDITION_SIDE, RENDITION_QUALITY = 4096, 90  # pixels of the longer side; of JPEG


def open_thumbnail(image: Image) -> PartsReader:
    """Open the thumbnail of an image. Raises FileNotFoundError, StoreUnavailable."""
    return _whole_file(_open(str(image.thumbnail)))


def open_original(image: Image, *, with_metadata: bool) -> PartsReader:
    """Open the original of an image, as it was added or without its metadata.

    Without metadata, the file is read once up to the end of the picture before the first byte is served: 5 MB take
    4 ms. Nothing is stored.

    Raises:
        FileNotFoundError: the file is missing.
        StoreUnavailable: the media storage is not available.
        MetadataNotRemovable: the structure of the file is not understood.
    """
    file = _open(str(image.original))
    try:
        return _whole_file(file) if with_metadata else without_metadata(file, image.format)
    except BaseException:
        file.close()
        raise


def open_rendition(image: Image) -> PartsReader:
    """Open what visitors get if the metadata of an original cannot be removed: its first picture as JPEG.

    It is rendered by the first request, and kept in the media storage as long as the image.

    Raises:
        StoreUnavailable: the media storage is not available.
        Overloaded: all decoder processes are busy.
        MetadataNotRemovable: the original cannot be decoded either.
    """
    name = files.rendition_path(image.sha256)
    with suppress(FileNotFoundError):
        return _whole_file(_open(name))
    encode = partial(encode_jpeg, max_side=RENDITION_SIDE, quality=RENDITION_QUALITY)
    try:
        rendering = render(files.read(image), limits_for_image(image), encode, wait_seconds=REQUEST_WAIT)
    except PictureRejected as error:
        raise MetadataNotRemovable() from error
    with suppress(StoreUnavailable):  # the disk may be full; the next request renders it again
        files.save(name, rendering.files[0])
    return _whole_file(io.BytesIO(rendering.files[0]))


def _open(name: str) -> IO[bytes]:
    stored_file = files.open_file(name)
    with files.storage_errors(files.READ_FAILED_MESSAGE):
        file = stored_file.file  # S3 reads it only now
    if file is None:
        raise FileNotFoundError(name)
    return file


def _whole_file(file: IO[bytes]) -> PartsReader:
    return PartsReader(file, [range(file.seek(0, io.SEEK_END))])
