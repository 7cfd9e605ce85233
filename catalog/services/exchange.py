"""Descriptors out of the catalogue as one file, and into it from one that another program may have made."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

import numpy as np

from catalog.exceptions import FeaturesRefused, NothingIndexed
from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.services import rebuilding, spaces, store
from catalog.services.store import Described
from catalog.vectors import flat
from catalog.vectors.flat import FlatFile, Piece, open_flat
from catalog.vectors.segments import open_segment

Progress = Callable[[str, int, int], None]


@dataclass
class Taken:
    """What became of a file's rows.

    Attributes:
        matched: rows whose image is in the catalogue.
        imported: of these, rows that are their image's descriptor now.
        already: of these, rows whose image has one already.
        unmatched: rows of no image, or of a name that several images have.
        told_space: whether the file says what network its descriptors are of.
    """

    rows: int = 0
    matched: int = 0
    imported: int = 0
    already: int = 0
    unmatched: int = 0
    told_space: bool = True


def export(path: Path, progress: Progress = lambda phase, done, total: None) -> int:
    """Write the descriptors of all searchable images to a file; how many.

    Raises:
        NothingIndexed: there are none.
        SegmentDamaged: a segment cannot be read.
        OSError: the file cannot be written; what was there before is there still.
    """
    space = spaces.active_space()
    segments = list(space.segments.order_by("pk")) if space else []
    if space is None or not segments:
        raise NothingIndexed("Nothing is searchable yet, so that there are no descriptors to export.")

    def pieces() -> Iterator[Piece]:
        for done, segment in enumerate(segments, 1):
            yield _exported(segment)
            progress("exporting", done, len(segments))

    description = json.dumps(space.description, sort_keys=True)
    return flat.write(path, pieces(), dimensions=space.description["dimensions"], space=description)


def _exported(segment: Segment) -> Piece:
    living = Descriptor.objects.filter(segment=segment, image__isnull=False).order_by("row")
    found = list(living.values_list("row", "image__source", "image__sha256"))
    rows, names, digests = (list(column) for column in zip(*found, strict=True)) if found else ([], [], [])
    return Piece(0, open_segment(store.path_of(segment.name)).vectors[np.array(rows, np.int64)], names, digests)


def take_in(path: Path, progress: Progress = lambda phase, done, total: None) -> Taken:
    """Give the images of the catalogue that lack a descriptor those that a file holds.

    Images are known by the digest of their original, or else by the name of their file: whole, or its last part. What
    the file does not say of its network is taken on trust.

    Raises:
        FeaturesRefused: it is no such file, or of another feature space; nothing of it was taken.
        WeightsUnavailable: the catalogue has no space yet, and its network is not there.
        StoreUnavailable, CatalogueBusy: what was committed stays; the rest may be taken another time.
        OSError: the file cannot be read.
    """
    space = spaces.active_or_first()
    with open_flat(path) as file:
        _check(file, space, path)
        for piece in file.pieces():  # before anything is taken
            progress("checking", piece.first + len(piece.vectors), len(file))
        taken = Taken(rows=len(file), told_space=file.space is not None)
        matching = Matching(space)
        for piece in file.pieces():
            _take(piece, space, matching, taken)
            progress("importing", piece.first + len(piece.vectors), len(file))
    rebuilding.match_status_to_descriptors(space)
    rebuilding.keep_up()
    return taken


def _check(file: FlatFile, space: FeatureSpace, path: Path) -> None:
    if file.space is not None and json.loads(file.space) != space.description:
        raise FeaturesRefused(
            "The descriptors of {path} are of another feature space than this catalogue's, {key}, and cannot be "
            "compared with its own. Export them from a catalogue of the same network.",
            path=path,
            key=space.key,
        )
    wanted = space.description["dimensions"]
    if file.dimensions != wanted:
        raise FeaturesRefused(
            "The descriptors of {path} have {found} dimensions, and those of this catalogue's feature space, {key}, "
            "have {wanted}. They cannot be compared.",
            path=path,
            found=file.dimensions,
            key=space.key,
            wanted=wanted,
        )


def _take(piece: Piece, space: FeatureSpace, matching: "Matching", taken: Taken) -> None:
    rows: dict[int, Described] = {}
    for vector, found in zip(piece.vectors, matching.images_of(piece), strict=True):
        if found is None:
            taken.unmatched += 1
            continue
        taken.matched += 1
        rows.setdefault(found.pk, Described(found.pk, found.sha256, vector))
    lacking = Image.objects.filter(~spaces.described_in(space), pk__in=rows).values_list("pk", flat=True)
    wanted = [rows[pk] for pk in sorted(lacking)]
    imported = store.commit(space, wanted) if wanted else 0
    taken.imported += imported
    taken.already = taken.matched - taken.imported


class Matching:
    """Which image a row of a file is of."""

    def __init__(self, space: FeatureSpace) -> None:
        self._space = space

    def images_of(self, piece: Piece) -> list[Image | None]:
        """For each row its image; None: it is of none, or of a name that several have."""
        if piece.digests is not None:
            by_digest = {image.sha256: image for image in _few(Image.objects.filter(sha256__in=set(piece.digests)))}
            return [by_digest.get(digest) for digest in piece.digests]
        pks = [self._by_name.get(name, self._by_last_part.get(PurePath(name).name)) for name in piece.names]
        found = {image.pk: image for image in _few(Image.objects.filter(pk__in={pk for pk in pks if pk}))}
        return [found.get(pk) if pk else None for pk in pks]

    @cached_property
    def _by_name(self) -> dict[str, int | None]:
        return self._index(lambda name: name)

    @cached_property
    def _by_last_part(self) -> dict[str, int | None]:
        return self._index(lambda name: PurePath(name).name)

    def _index(self, part: Callable[[str], str]) -> dict[str, int | None]:
        """The image of each name; None where several have it."""
        found: dict[str, int | None] = {}
        for pk, source in Image.objects.order_by("pk").values_list("pk", "source").iterator():
            found[part(source)] = None if part(source) in found else pk
        return found


def _few(images):  # type: ignore[no-untyped-def]
    return images.only("pk", "sha256")
