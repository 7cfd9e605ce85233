"""Original files and thumbnails in the media storage, under names made from their digest."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from catalog.exceptions import PictureRefused, StoreUnavailable, sentence
from catalog.imaging.decoding import decode
from catalog.imaging.digests import sha256
from catalog.imaging.thumbnails import quick_thumbnail, shrunk
from catalog.models import Image
from catalog.services.limits import limits_of


def original_name(sha256: str, extension: str) -> str:
    return f"originals/{sha256[:2]}/{sha256}{extension}"


def thumbnail_name(sha256: str) -> str:
    return f"thumbnails/{sha256[:2]}/{sha256}.jpg"


@contextmanager
def answering(told: str) -> Iterator[None]:
    """Faults of the storage become StoreUnavailable with the sentence `told`; a missing file stays one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as fault:  # each storage has its own: OSError here, botocore's there
        raise StoreUnavailable(told, fault=getattr(fault, "strerror", None) or fault) from fault


NOT_STORED = sentence("The picture cannot be stored: {fault}. The disk may be full or not writable; it was not added.")
NOT_DELETED = sentence("Files cannot be deleted: {fault}. They are left to the next sweep.")
NOT_READ = sentence("Pictures cannot be read: {fault}. Nothing is lost; try again when the storage answers.")


def save(name: str, data: bytes) -> str:
    """Store a file durably. Raises StoreUnavailable."""
    with answering(NOT_STORED):
        return default_storage.save(name, ContentFile(data))


def delete(name: str) -> None:
    """Remove a file. Raises StoreUnavailable."""
    with answering(NOT_DELETED):
        default_storage.delete(name)


def exists(name: str) -> bool:
    """Whether there is a file of that name. Raises StoreUnavailable."""
    with answering(NOT_READ):
        return default_storage.exists(name)


def open_file(name: str) -> File:
    """A file of the media storage. Raises FileNotFoundError, StoreUnavailable."""
    with answering(NOT_READ):
        return default_storage.open(name)


def read(image: Image) -> bytes:
    """The bytes of an image's original.

    Raises:
        PictureRefused: `missing` or `altered`; a fault of this image alone.
        StoreUnavailable: the storage does not answer; a fault of none.
    """
    try:
        with answering(NOT_READ), default_storage.open(str(image.original)) as file:
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


def has_original(image: Image) -> bool:
    return exists(str(image.original))


def has_thumbnail(image: Image) -> bool:
    return exists(str(image.thumbnail))


def make_thumbnail(image: Image) -> None:
    """Make an image's thumbnail anew from its original. Raises as `read` does."""
    picture = decode(read(image), limits_of(image), at_least=settings.THUMBNAIL_SIDE)
    name = save(thumbnail_name(image.sha256), quick_thumbnail(shrunk(picture.rgb, settings.THUMBNAIL_SIDE)))
    if name != str(image.thumbnail):  # it was made as WebP once
        Image.objects.filter(pk=image.pk).update(thumbnail=name)


def is_lost(image: Image) -> bool:
    """Whether the original is missing or, of an image that failed, altered."""
    if image.status != Image.Status.FAILED:
        return not has_original(image)  # reading every original that comes again would take long
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
        with answering(NOT_READ):
            return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
