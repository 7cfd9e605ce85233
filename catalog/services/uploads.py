"""Pictures on their way into the catalogue: checked, stored under their digest, inserted as pending.

A handful of them comes in in two steps, so that an import can begin the next before it ends the one before: at the
beginning they are read and threads go to work on their pixels; at the end their files are written and their rows
inserted. Only the thread that calls speaks with the database.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from catalog.exceptions import CatalogueBusy, ImageSearchError, PictureRefused, StoreUnavailable
from catalog.features.extractors import Extractor, Prepared
from catalog.imaging.decoding import decode
from catalog.imaging.digests import sha256
from catalog.imaging.names import display_name
from catalog.imaging.thumbnails import quick_thumbnail, shrunk
from catalog.models import Collection, Image, ImportedFile, Tag
from catalog.services import hints, indexing, originals, store
from catalog.services.limits import picture_limits, read_picture

logger = logging.getLogger(__name__)

Kind = ImportedFile.Outcome

# Files that are read or written at once. They wait for the disk together: what one sync brings there serves others.
AT_THE_DISK = 16


@dataclass(frozen=True)
class Incoming:
    """One file that wants in. `read` gives its bytes, or raises an ImageSearchError that refuses it."""

    name: str
    read: Callable[[], bytes]
    collection: Collection | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one file: an image that is new or was there already, or a refusal."""

    name: str
    kind: Kind
    image: Image | None = None
    refusal: ImageSearchError | None = None

    @property
    def reason(self) -> str:
        return str(self.refusal) if self.refusal else ""


class Arrival(NamedTuple):
    """A file that was read, or refused to be."""

    incoming: Incoming
    name: str
    digest: str = ""
    data: bytes = b""
    refusal: ImageSearchError | None = None


class _Checked(NamedTuple):
    """A picture that can be taken in: its row but for the names of its files, and what is to be stored."""

    image: Image
    original: bytes
    extension: str
    thumbnail: bytes
    prepared: Prepared | None


class Hands(NamedTuple):
    """The threads that take pictures in: few work on pixels, many wait for the disk."""

    pixels: ThreadPoolExecutor
    disk: ThreadPoolExecutor


@dataclass(frozen=True)
class Begun:
    """A handful that was read, the pixels of its new pictures being worked on.

    Attributes:
        arrivals: its files, in their order.
        checked: what comes of the new ones, by digest; raises PictureRefused.
        extractor: for whom they are prepared.
    """

    arrivals: list[Arrival]
    checked: dict[str, Future[_Checked]]
    extractor: Extractor | None

    @property
    def prepared(self) -> dict[str, Prepared]:
        """What the extractor made of the new pictures, by digest. Waits for it."""
        done = {digest: future.result() for digest, future in self.checked.items() if not future.exception()}
        return {digest: one.prepared for digest, one in done.items() if one.prepared}


def add_each(
    files: Iterable[UploadedFile], *, collection: str = "", tags: Iterable[str] = (), user: Any = None
) -> list[Outcome]:
    """Take in the files of a form, one after the other, so that no more than one is in memory.

    A fault of the disk refuses the file it meets, so that those before it are told of.

    Args:
        collection, tags: names; those that are new are made.

    Raises:
        StoreUnavailable, CatalogueBusy: the very first file met the fault; nothing was added.
    """
    group = collection_named(collection)
    carried = [Tag.objects.get_or_create(name=name)[0] for name in tags]
    outcomes = []
    for file in files:
        try:
            outcomes.append(add(read_picture(file), file.name or "", collection=group, tags=carried, user=user))
        except (StoreUnavailable, CatalogueBusy) as fault:
            if not outcomes:
                raise
            outcomes.append(Outcome(display_name(file.name or ""), Kind.REFUSED, refusal=fault))
    return outcomes


def collection_named(name: str) -> Collection | None:
    """The collection of that name, made if it is new; None for an empty name."""
    name = name.strip()[:120]
    return Collection.objects.get_or_create(name=name)[0] if name else None


def add(data: bytes, name: str, *, collection: Collection | None = None, **options: Any) -> Outcome:
    """Take one picture in, as `add_all` does with its `options`, and tell a worker of it."""
    outcome = add_all([Incoming(name, lambda: data, collection)], **options)[0]
    if outcome.image and outcome.image.status == Image.Status.PENDING:
        hints.work_is_waiting()
    return outcome


def add_all(files: Sequence[Incoming], *, tags: Sequence[Tag] = (), user: Any = None) -> list[Outcome]:
    """Take a handful of pictures in: `begin` and `end` at once."""
    with hands() as threads:
        return end(begin(read(files, threads), threads), threads, tags=tags, user=user)


@contextmanager
def hands() -> Iterator[Hands]:
    """Threads for `begin` and `end`. What they have not begun when the block ends is not done."""
    threads = Hands(ThreadPoolExecutor(settings.THREADS), ThreadPoolExecutor(AT_THE_DISK))
    try:
        yield threads
    finally:
        for pool in threads:
            pool.shutdown(cancel_futures=True)


def read(files: Sequence[Incoming], threads: Hands) -> list[Arrival]:
    """The bytes of files and their digests."""
    return list(threads.disk.map(_read, files))


def begin(arrivals: list[Arrival], threads: Hands, extractor: Extractor | None = None) -> Begun:
    """Have threads check, shrink and, for `extractor`, prepare the new pictures of a handful."""
    known = _rows([arrival.digest for arrival in arrivals])
    checked: dict[str, Future[_Checked]] = {}
    for arrival in arrivals:
        if arrival.digest and arrival.digest not in known and arrival.digest not in checked:
            checked[arrival.digest] = threads.pixels.submit(_check, arrival, extractor)
    return Begun(arrivals, checked, extractor)


def end(begun: Begun, threads: Hands, *, tags: Sequence[Tag] = (), user: Any = None, **claim: Any) -> list[Outcome]:
    """Store the files of a handful that has begun and insert its rows; what became of each file, in their order.

    Bytes that are there already give the image that is there, unchanged; where its original had gone
    missing or bad, it is put back. A file that is refused holds up no other.

    Args:
        claim: fields of `Claimable` that the new images are inserted with.

    Raises:
        StoreUnavailable: the files cannot be written; none of these was added.
    """
    wait(begun.checked.values())
    with store.writing():
        known = _rows([arrival.digest for arrival in begun.arrivals])
        ready, refused = _verdicts(begun, known)
        new = list(threads.disk.map(_store, ready))
        for image in new:
            image.uploaded_by = user
            for field, value in claim.items():
                setattr(image, field, value)
        _put_back([arrival for arrival in begun.arrivals if arrival.digest in known], known)
        inserted = _insert(sorted(new, key=lambda image: image.sha256), tags)
    there = _rows([*known, *(image.sha256 for image in new if image.sha256 not in inserted)])
    return _outcomes(begun.arrivals, {**known, **refused, **inserted, **there}, set(inserted))


def _verdicts(begun: Begun, known: dict[str, Image]) -> tuple[list[_Checked], dict[str, PictureRefused]]:
    """The pictures to be added, and by digest those that are refused."""
    ready: dict[str, _Checked] = {}
    refused: dict[str, PictureRefused] = {}
    for arrival in begun.arrivals:
        if not arrival.digest or arrival.digest in {**known, **ready, **refused}:
            continue
        checked = begun.checked.get(arrival.digest)
        try:
            # Where nothing was checked there was an image, which somebody has deleted since.
            ready[arrival.digest] = checked.result() if checked else _check(arrival, None)
        except PictureRefused as refusal:
            refused[arrival.digest] = refusal
        except Exception as fault:  # whatever it is, one picture never stops an import
            logger.exception("%s cannot be taken in", arrival.name)
            refused[arrival.digest] = PictureRefused("damaged", "It cannot be read: {fault}.", fault=fault)
    return list(ready.values()), refused


def _read(incoming: Incoming) -> Arrival:
    name = display_name(incoming.name)
    try:
        data = incoming.read()
    except ImageSearchError as refusal:
        return Arrival(incoming, name, refusal=refusal)
    return Arrival(incoming, name, sha256(data), data)


def _check(arrival: Arrival, extractor: Extractor | None) -> _Checked:
    """All work on a picture's pixels, which are decoded once. Raises PictureRefused."""
    # Decoded as `indexing.prepare` does, so that the same bytes give the same descriptor.
    side = extractor.space.decoded_side if extractor else settings.THUMBNAIL_SIDE
    picture = decode(arrival.data, picture_limits(), at_least=side)
    small = shrunk(picture.rgb, settings.THUMBNAIL_SIDE)
    image = Image(
        sha256=arrival.digest,
        thumbnail_width=small.width,
        thumbnail_height=small.height,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        bytes=len(arrival.data),
        source=arrival.name,
        collection=arrival.incoming.collection,
    )
    prepared = extractor.prepare(picture.rgb) if extractor else None
    return _Checked(image, arrival.data, picture.extension, quick_thumbnail(small), prepared)


def _store(checked: _Checked) -> Image:
    """Write a picture's files. Raises StoreUnavailable."""
    image = checked.image
    image.original = originals.save(originals.original_name(image.sha256, checked.extension), checked.original)
    image.thumbnail = originals.save(originals.thumbnail_name(image.sha256), checked.thumbnail)
    return image


def _insert(images: list[Image], tags: Sequence[Tag]) -> dict[str, Image]:
    """Insert the images that nobody else inserted meanwhile; those, by digest.

    Args:
        images: in the order of their digests, so that two who insert the same ones wait for each other and no more.
    """
    while True:
        there = _rows([image.sha256 for image in images])
        ours = [image for image in images if image.sha256 not in there]
        try:
            with transaction.atomic():
                Image.objects.bulk_create(ours)
                _tag(ours, tags)
            return {image.sha256: image for image in ours}
        except IntegrityError:
            if not _rows([image.sha256 for image in ours]):
                raise
            for image in ours:  # another process inserted one of them just now
                image.pk = None


def _tag(images: list[Image], tags: Sequence[Tag]) -> None:
    Link = Image.tags.through
    Link.objects.bulk_create([Link(image=image, tag=tag) for image in images for tag in tags])


def _put_back(again: list[Arrival], known: dict[str, Image]) -> None:
    """Put back the files that images have lost whose very bytes come in again."""
    for arrival in again:
        image = known[arrival.digest]
        if originals.is_lost(image):
            originals.save(str(image.original), arrival.data)
            indexing.retry(Image.objects.filter(pk=image.pk))
        if not originals.has_thumbnail(image):
            try:
                originals.make_thumbnail(image)
            except PictureRefused:  # the original is there and altered
                originals.save(str(image.original), arrival.data)
                originals.make_thumbnail(image)


def _rows(digests: list[str]) -> dict[str, Image]:
    return {image.sha256: image for image in Image.objects.for_cards().filter(sha256__in=digests)}


def _outcomes(arrivals: list[Arrival], taken: dict[str, Image | ImageSearchError], inserted: set[str]) -> list[Outcome]:
    outcomes, told = [], set()
    for arrival in arrivals:
        verdict = arrival.refusal or taken[arrival.digest]
        if isinstance(verdict, ImageSearchError):
            outcomes.append(Outcome(arrival.name, Kind.REFUSED, refusal=verdict))
        elif arrival.digest in inserted and arrival.digest not in told:
            told.add(arrival.digest)
            outcomes.append(Outcome(arrival.name, Kind.ADDED, verdict))
        else:
            outcomes.append(Outcome(arrival.name, Kind.DUPLICATE, verdict))
    return outcomes
