"""Pictures on their way into the catalogue: checked, stored under their digest, inserted as pending."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from catalog.exceptions import CatalogueBusy, ImageSearchError, PictureRefused, StoreUnavailable
from catalog.imaging.decoding import decode
from catalog.imaging.digests import sha256
from catalog.imaging.names import display_name
from catalog.imaging.thumbnails import size_of, thumbnail
from catalog.models import Collection, Image, ImportedFile, Tag
from catalog.services import hints, indexing, originals, store
from catalog.services.limits import picture_limits, read_picture

Kind = ImportedFile.Outcome


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


@dataclass(frozen=True)
class _Arrival:
    incoming: Incoming
    name: str
    digest: str = ""
    data: bytes = b""
    refusal: ImageSearchError | None = None


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
    """Take a handful of pictures in: the work on pixels runs on threads, the rows go in together.

    Bytes that are there already give the image that is there, unchanged; where its original had gone
    missing or bad, it is put back. A file that is refused holds up no other.

    Raises:
        StoreUnavailable: the files cannot be written; none of these was added.
    """
    with ThreadPoolExecutor(settings.THREADS) as threads, store.writing():
        arrivals = list(threads.map(_read, files))
        taken: dict[str, Image | ImageSearchError] = dict(_rows([arrival.digest for arrival in arrivals]))
        new: dict[str, _Arrival] = {}
        for arrival in arrivals:
            if arrival.digest and arrival.digest not in taken:
                new.setdefault(arrival.digest, arrival)
        taken |= zip(new, threads.map(_take_in, new.values()), strict=True)
        inserted = _insert([image for image in taken.values() if isinstance(image, Image) and not image.pk], tags, user)
        _put_back([arrival for arrival in arrivals if arrival.digest and arrival.digest not in new], taken)
    return _outcomes(arrivals, {**taken, **_rows(list(taken))}, inserted)


def _read(incoming: Incoming) -> _Arrival:
    name = display_name(incoming.name)
    try:
        data = incoming.read()
    except ImageSearchError as refusal:
        return _Arrival(incoming, name, refusal=refusal)
    return _Arrival(incoming, name, sha256(data), data)


def _take_in(arrival: _Arrival) -> Image | PictureRefused:
    """Check a picture and store its files: an image not inserted yet, or why not."""
    try:
        picture = decode(arrival.data, picture_limits(), at_least=settings.THUMBNAIL_SIDE)
    except PictureRefused as refusal:
        return refusal
    small = thumbnail(picture.rgb, settings.THUMBNAIL_SIDE)
    width, height = size_of(small)
    return Image(
        sha256=arrival.digest,
        original=originals.save(originals.original_name(arrival.digest, picture.extension), arrival.data),
        thumbnail=originals.save(originals.thumbnail_name(arrival.digest), small),
        thumbnail_width=width,
        thumbnail_height=height,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        bytes=len(arrival.data),
        source=arrival.name,
        collection=arrival.incoming.collection,
    )


def _insert(images: list[Image], tags: Sequence[Tag], user: Any) -> set[str]:
    """Insert the images that nobody else inserted meanwhile; the digests of those."""
    for image in images:
        image.uploaded_by = user
    while True:
        there = _rows([image.sha256 for image in images])
        ours = [image for image in images if image.sha256 not in there]
        try:
            with transaction.atomic():
                Image.objects.bulk_create(ours)
                _tag(ours, tags)
            return {image.sha256 for image in ours}
        except IntegrityError:
            if not _rows([image.sha256 for image in ours]):
                raise
            for image in ours:  # another process inserted one of them just now
                image.pk = None


def _tag(images: list[Image], tags: Sequence[Tag]) -> None:
    Link = Image.tags.through
    Link.objects.bulk_create([Link(image=image, tag=tag) for image in images for tag in tags])


def _put_back(again: list[_Arrival], taken: dict[str, Image | ImageSearchError]) -> None:
    """Put back the files that images have lost whose very bytes come in again."""
    for arrival in again:
        image = taken[arrival.digest]
        if not isinstance(image, Image):
            continue
        if originals.is_lost(image):
            originals.save(str(image.original), arrival.data)
            indexing.retry(Image.objects.filter(pk=image.pk))
        if not originals.has_thumbnail(image):
            originals.make_thumbnail(image)


def _rows(digests: list[str]) -> dict[str, Image]:
    return {image.sha256: image for image in Image.objects.for_cards().filter(sha256__in=digests)}


def _outcomes(
    arrivals: list[_Arrival], taken: dict[str, Image | ImageSearchError], inserted: set[str]
) -> list[Outcome]:
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
