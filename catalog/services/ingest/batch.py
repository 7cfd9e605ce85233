"""Batches of new pictures: the files are read, the pictures decoded and thumbnails created. Nothing is stored yet.

A batch is prepared and committed in two steps, so that an import can prepare one batch while it commits the previous
one. Only the calling thread uses the database.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings

from catalog.exceptions import ImageSearchError
from catalog.features.extractors import Extractor, PreparedPicture
from catalog.imaging.digests import sha256
from catalog.imaging.filenames import sanitise_filename
from catalog.imaging.thumbnails import THUMBNAIL_SIDE, downscaled_size, encode_jpeg_thumbnail
from catalog.models import Image
from catalog.services.ingest.sources import SourceFile
from catalog.services.media.decoding import render
from catalog.services.media.upload_limits import picture_limits

# Files that are read or written at once. Most of the time they wait for the disk, where several writes share one sync.
IO_THREADS = 16


class ThreadPools(NamedTuple):
    """The threads that add pictures: a few wait for decoder processes, many for the disk."""

    decoding: ThreadPoolExecutor
    io: ThreadPoolExecutor


class ReadFile(NamedTuple):
    """A file that was read, or the error that rejects it.

    Attributes:
        name: the sanitised name.
        digest: SHA-256 of `data` in hexadecimal; empty if there is an error.
    """

    source: SourceFile
    name: str
    digest: str = ""
    data: bytes = b""
    error: ImageSearchError | None = None


class CheckedPicture(NamedTuple):
    """A picture that was accepted.

    Attributes:
        image: the row to insert, without the names of its files.
        original: the bytes of the original file.
        extension: of the original file, with the dot.
        thumbnail: a JPEG file.
        prepared: the network input, if the batch has an extractor.
    """

    image: Image
    original: bytes
    extension: str
    thumbnail: bytes
    prepared: PreparedPicture | None


@dataclass(frozen=True)
class PreparedBatch:
    """A batch whose files were read and whose new pictures are being decoded.

    Attributes:
        files: all files of the batch, in their order.
        futures: the new pictures, by digest. A result may raise PictureRejected, Overloaded.
        extractor: the extractor that the network inputs are prepared for.
    """

    files: list[ReadFile]
    futures: dict[str, Future[CheckedPicture]]
    extractor: Extractor | None

    @property
    def prepared(self) -> dict[str, PreparedPicture]:
        """The network inputs of the new pictures, by digest. Waits for the threads."""
        pictures = {digest: future.result() for digest, future in self.futures.items() if not future.exception()}
        return {digest: picture.prepared for digest, picture in pictures.items() if picture.prepared}


@contextmanager
def thread_pools() -> Iterator[ThreadPools]:
    """Yield the threads for preparing and committing batches. Work that has not started at the end is cancelled."""
    pools = ThreadPools(ThreadPoolExecutor(settings.THREADS), ThreadPoolExecutor(IO_THREADS))
    try:
        yield pools
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def read_batch(source_files: Sequence[SourceFile], pools: ThreadPools) -> list[ReadFile]:
    """Read files and compute their digests."""
    return list(pools.io.map(_read_file, source_files))


def prepare_batch(
    read_files: list[ReadFile],
    pools: ThreadPools,
    extractor: Extractor | None = None,
    *,
    wait_seconds: float | None = None,
) -> PreparedBatch:
    """Have threads decode the new pictures of a batch and create thumbnails and, for `extractor`, network inputs.

    Args:
        wait_seconds: how long to wait for a decoder process: see `decoding.render`.
    """
    existing = images_by_digest([read_file.digest for read_file in read_files])
    futures: dict[str, Future[CheckedPicture]] = {}
    for read_file in read_files:
        if read_file.digest and read_file.digest not in existing and read_file.digest not in futures:
            futures[read_file.digest] = pools.decoding.submit(check_picture, read_file, extractor, wait_seconds)
    return PreparedBatch(read_files, futures, extractor)


def check_picture(
    read_file: ReadFile, extractor: Extractor | None, wait_seconds: float | None = None
) -> CheckedPicture:
    """Decode a picture, once for both its thumbnail and its network input. Raises PictureRejected, Overloaded."""
    # Decoded as by `extraction.prepare_image`, so that both give the same descriptor.
    min_side = extractor.space.decoded_side if extractor else THUMBNAIL_SIDE
    resizers = extractor.resizers if extractor else []
    picture = render(
        read_file.data,
        picture_limits(),
        encode_jpeg_thumbnail,
        *resizers,
        min_decoded_side=min_side,
        wait_seconds=wait_seconds,
    )
    thumbnail_width, thumbnail_height = downscaled_size(picture.decoded_size, THUMBNAIL_SIDE)
    image = Image(
        sha256=read_file.digest,
        thumbnail_width=thumbnail_width,
        thumbnail_height=thumbnail_height,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        bytes=len(read_file.data),
        source=read_file.name,
        collection=read_file.source.collection,
    )
    return CheckedPicture(image, read_file.data, picture.extension, picture.files[0], picture.arrays or None)


def images_by_digest(digests: list[str]) -> dict[str, Image]:
    """The images of the catalogue with these digests, by digest."""
    return {image.sha256: image for image in Image.objects.for_tiles().filter(sha256__in=digests)}


def _read_file(source: SourceFile) -> ReadFile:
    name = sanitise_filename(source.name)
    try:
        data = source.read()
    except ImageSearchError as error:
        return ReadFile(source, name, error=error)
    return ReadFile(source, name, sha256(data), data)
