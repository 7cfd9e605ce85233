"""Original files and thumbnails in the media storage, under names made from their digest."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from catalog.exceptions import PictureRefused, StoreUnavailable
from catalog.imaging.decoding import decode
from catalog.imaging.digests import sha256
from catalog.imaging.thumbnails import thumbnail
from catalog.models import Image
from catalog.services.limits import limits_of


def original_name(sha256: str, extension: str) -> str:
    return f"originals/{sha256[:2]}/{sha256}{extension}"


def thumbnail_name(sha256: str) -> str:
    return f"thumbnails/{sha256[:2]}/{sha256}.webp"


def save(name: str, data: bytes) -> str:
    """Store a file durably. Raises StoreUnavailable."""
    try:
        return default_storage.save(name, ContentFile(data))
    except Exception as fault:  # each storage has its own: OSError here, botocore's there
        raise StoreUnavailable(
            "The picture cannot be stored: {fault}. The disk may be full or not writable; nothing was added.",
            fault=getattr(fault, "strerror", None) or fault,
        ) from fault


def open_file(name: str) -> File:
    """A file of the media storage. Raises FileNotFoundError, and StoreUnavailable where the storage does not answer."""
    try:
        return default_storage.open(name)
    except FileNotFoundError:
        raise
    except Exception as fault:  # see `save`
        raise StoreUnavailable(
            "Pictures cannot be read: {fault}. Nothing is lost; try again when the storage answers.",
            fault=getattr(fault, "strerror", None) or fault,
        ) from fault


def read(image: Image) -> bytes:
    """The bytes of an image's original.

    Raises:
        PictureRefused: `missing` or `altered`; a fault of this image alone.
        StoreUnavailable: the storage does not answer; a fault of none.
    """
    try:
        with open_file(str(image.original)) as file:
            data = file.read()
    except FileNotFoundError as fault:
        raise PictureRefused(
            "missing",
            "The original file {name} is missing. Upload the picture again.",
            name=str(image.original),
        ) from fault
    if sha256(data) != image.sha256:
        raise PictureRefused(
            "altered",
            "The original file {name} is not the picture that was taken in. Upload the picture again.",
            name=str(image.original),
        )
    return data


def exists(image: Image) -> bool:
    return default_storage.exists(str(image.original))


def has_thumbnail(image: Image) -> bool:
    return default_storage.exists(str(image.thumbnail))


def make_thumbnail(image: Image) -> None:
    """Make an image's thumbnail anew from its original. Raises as `read` does."""
    picture = decode(read(image), limits_of(image), at_least=settings.THUMBNAIL_SIDE)
    save(str(image.thumbnail), thumbnail(picture.rgb, settings.THUMBNAIL_SIDE))


def is_lost(image: Image) -> bool:
    """Whether the original is missing or, of an image that failed, altered."""
    if image.status != Image.Status.FAILED:
        return not exists(image)  # reading every original that comes again would take long
    try:
        read(image)
    except PictureRefused:
        return True
    return False


def unnamed(names: Iterable[str]) -> list[str]:
    """Those of `names` that no image has for its original or thumbnail."""
    names = list(names)
    digests = {PurePosixPath(name).stem for name in names}
    rows = Image.objects.filter(sha256__in=digests).values_list("original", "thumbnail")
    named = {name for row in rows for name in row}
    return [name for name in names if name not in named]


def all_unnamed() -> list[str]:
    """Every file of the media storage that no image has: litter of uploads that were killed."""
    return [name for folder in _folders() for name in unnamed(f"{folder}/{file}" for file in _listing(folder)[1])]


def _folders() -> Iterator[str]:
    for top in ("originals", "thumbnails"):
        yield from (f"{top}/{folder}" for folder in _listing(top)[0])


def _listing(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
