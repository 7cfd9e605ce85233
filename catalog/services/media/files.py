"""Original files and thumbnails in the media storage, under names derived from their digests."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePosixPath

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from catalog.exceptions import PictureRejected, StoreUnavailable, gettext_noop
from catalog.imaging.crops import Box
from catalog.imaging.decoders import Renderer, Rendering
from catalog.imaging.decoding import Picture
from catalog.imaging.digests import sha256
from catalog.imaging.thumbnails import THUMBNAIL_SIDE, encode_jpeg_thumbnail
from catalog.models import Image
from catalog.services.media.decoding import decode, render
from catalog.services.media.upload_limits import limits_for_image


def original_path(sha256: str, extension: str) -> str:
    """Name of an original in the media storage. `extension` starts with a dot."""
    return f"originals/{sha256[:2]}/{sha256}{extension}"


def thumbnail_path(sha256: str) -> str:
    """Name of a thumbnail in the media storage."""
    return f"thumbnails/{sha256[:2]}/{sha256}.jpg"


def rendition_path(sha256: str) -> str:
    """Name of the JPEG that visitors get in the place of an original, if there is one: see `public_files`."""
    return f"renditions/{sha256[:2]}/{sha256}.jpg"


@contextmanager
def storage_errors(message: str) -> Iterator[None]:
    """Raise StoreUnavailable with `message` for every error of the storage except FileNotFoundError.

    Args:
        message: template with the placeholder `{error}`.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # each storage has its own: OSError on disk, botocore's on S3
        raise StoreUnavailable(message, error=getattr(error, "strerror", None) or error) from error


SAVE_FAILED_MESSAGE = gettext_noop(
    "The picture could not be saved: {error}. It was not added. "
    "Check the free space and permissions of the media storage."
)
DELETE_FAILED_MESSAGE = gettext_noop("Files could not be deleted: {error}. The next cleanup will try again.")
READ_FAILED_MESSAGE = gettext_noop(
    "Pictures could not be read: {error}. Nothing was lost. Try again when the media storage is available."
)


def save(name: str, data: bytes) -> str:
    """Write a file durably and return the name it was stored under. Raises StoreUnavailable."""
    with storage_errors(SAVE_FAILED_MESSAGE):
        return default_storage.save(name, ContentFile(data))


def delete(name: str) -> None:
    """Delete a file. Raises StoreUnavailable."""
    with storage_errors(DELETE_FAILED_MESSAGE):
        default_storage.delete(name)


def exists(name: str) -> bool:
    """Whether the media storage has the file. Raises StoreUnavailable."""
    with storage_errors(READ_FAILED_MESSAGE):
        return default_storage.exists(name)


def modified_at(name: str) -> datetime:
    """When the file was written. Raises FileNotFoundError, StoreUnavailable."""
    with storage_errors(READ_FAILED_MESSAGE):
        return default_storage.get_modified_time(name)


def open_file(name: str) -> File:
    """Open a file of the media storage. Raises FileNotFoundError, StoreUnavailable."""
    with storage_errors(READ_FAILED_MESSAGE):
        return default_storage.open(name)


def read(image: Image) -> bytes:
    """Read the original file of an image and check its digest.

    Raises:
        PictureRejected: the file is missing or altered (codes `missing`, `altered`); other images are not affected.
        StoreUnavailable: the media storage is not available.
    """
    try:
        with storage_errors(READ_FAILED_MESSAGE), default_storage.open(str(image.original)) as file:
            data = file.read()
    except FileNotFoundError as error:
        raise PictureRejected(
            "missing",
            "The original file {name} is missing. Upload the picture again.",
            name=str(image.original),
        ) from error
    if sha256(data) != image.sha256:
        raise PictureRejected(
            "altered",
            "The original file {name} has changed since it was added. Upload the picture again.",
            name=str(image.original),
        )
    return data


def names_of(image: Image) -> list[str]:
    """Return the names of all files that the media storage may have of an image."""
    return [str(image.original), str(image.thumbnail), rendition_path(image.sha256)]


def has_original(image: Image) -> bool:
    return exists(str(image.original))


def has_thumbnail(image: Image) -> bool:
    return exists(str(image.thumbnail))


def decode_original(image: Image, *, min_side: int | None) -> Picture:
    """Decode the original of an image.

    Args:
        min_side: the shorter side, in pixels, that the caller needs; None for the full size. See `decoding.decode`.

    Raises:
        PictureRejected: the file is missing, altered or cannot be decoded.
        StoreUnavailable: the storage cannot be read.
    """
    return decode(read(image), limits_for_image(image), min_decoded_side=min_side)


def render_original(image: Image, *renderers: Renderer, min_side: int | None, box: Box | None = None) -> Rendering:
    """Decode the original of an image, or the area `box` of it, and render it: see `decoding.render`.

    Raises:
        PictureRejected, StoreUnavailable: as `decode_original`.
        CropRejected: the box extends beyond the image.
    """
    return render(read(image), limits_for_image(image), *renderers, min_decoded_side=min_side, box=box)


def create_thumbnail(image: Image) -> None:
    """Create the thumbnail of an image again from its original. Raises like `read`."""
    rendering = render_original(image, encode_jpeg_thumbnail, min_side=THUMBNAIL_SIDE)
    name = save(thumbnail_path(image.sha256), rendering.files[0])
    if name != str(image.thumbnail):  # thumbnails used to be WebP files
        Image.objects.filter(pk=image.pk).update(thumbnail=name)


def is_original_lost(image: Image) -> bool:
    """Whether the original is missing. For failed images, also whether it is altered."""
    if image.status != Image.Status.FAILED:
        return not has_original(image)  # reading the original of every duplicate would take too long
    try:
        read(image)
    except PictureRejected:
        return True
    return False


def filter_unreferenced(names: Iterable[str]) -> list[str]:
    """Return those of `names` that are not a file of an image."""
    names = list(names)
    digests = {PurePosixPath(name).stem for name in names}
    rows = Image.objects.filter(sha256__in=digests).values_list("original", "thumbnail", "sha256")
    referenced = {
        name for original, thumbnail, digest in rows for name in (original, thumbnail, rendition_path(digest))
    }
    return [name for name in names if name not in referenced]


def find_unreferenced() -> list[str]:
    """Names of all files in the media storage that no image references, such as those of killed uploads."""
    return [
        name
        for folder in _iter_folders()
        for name in filter_unreferenced(f"{folder}/{file}" for file in _list_folder(folder)[1])
    ]


def _iter_folders() -> Iterator[str]:
    for root in ("originals", "thumbnails", "renditions"):
        yield from (f"{root}/{folder}" for folder in _list_folder(root)[0])


def _list_folder(folder: str) -> tuple[list[str], list[str]]:
    try:
        with storage_errors(READ_FAILED_MESSAGE):
            return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
