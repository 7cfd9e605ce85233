"""Export of descriptors to one file, and import from such a file or from one of another program."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

import numpy as np

from catalog.exceptions import FeatureFileRejected, NoIndexedImages
from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.querysets import ImageQuerySet
from catalog.services.index import activation, rebuilding, spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.jobs.progress import Progress, ignore_progress
from catalog.vectors.exchange import feature_file
from catalog.vectors.exchange.feature_file import FeatureChunk, FeatureFile, open_feature_file
from catalog.vectors.segments import open_segment


@dataclass
class ImportResult:
    """How many rows of a file were imported.

    Attributes:
        matched: rows whose image is in the catalogue.
        imported: matched rows that became the descriptor of their image.
        already: matched rows whose image had a descriptor already.
        unmatched: rows without an image, or with a name that several images have.
        has_space: whether the file names the feature space of its descriptors.
    """

    rows: int = 0
    matched: int = 0
    imported: int = 0
    already: int = 0
    unmatched: int = 0
    has_space: bool = True


def export(path: Path, progress: Progress = ignore_progress) -> int:
    """Write the descriptors of all searchable images to a file, and return their number.

    Raises:
        NoIndexedImages: there are none.
        SegmentDamaged: a segment cannot be read.
        OSError: the file cannot be written; an existing file is left unchanged.
    """
    space = spaces.active_space()
    segments = list(space.segments.order_by("pk")) if space else []
    if space is None or not segments:
        raise NoIndexedImages("No images are searchable yet, so there are no descriptors to export.")

    def iter_batches() -> Iterator[FeatureChunk]:
        for done, segment in enumerate(segments, 1):
            yield _export_segment(segment)
            progress("exporting", done, len(segments))

    description = json.dumps(space.description, sort_keys=True)
    return feature_file.write(path, iter_batches(), dimensions=space.description["dimensions"], space=description)


def _export_segment(segment: Segment) -> FeatureChunk:
    live_descriptors = Descriptor.objects.filter(segment=segment, image__isnull=False).order_by("row")
    values = list(live_descriptors.values_list("row", "image__source", "image__sha256"))
    rows, names, digests = (list(column) for column in zip(*values, strict=True)) if values else ([], [], [])
    return FeatureChunk(
        0, open_segment(store.segment_path(segment.name)).vectors[np.array(rows, np.int64)], names, digests
    )


def import_features(path: Path, progress: Progress = ignore_progress) -> ImportResult:
    """Import descriptors for the images that have none.

    Images are matched by the digest of their original, else by their file name: the complete path, or its last part.
    If the file does not name its feature space, only the number of dimensions is checked.

    Raises:
        FeatureFileRejected: the file is not valid, or of another feature space. Nothing was imported.
        WeightsUnavailable: the catalogue has no feature space yet, and the weights of its network are missing.
        StoreUnavailable, CatalogueBusy: descriptors committed so far are kept. The import can be repeated.
        OSError: the file cannot be read.
    """
    space = spaces.get_or_create_active_space()
    file = open_feature_file(path)
    _check_compatible(file, space, path)
    for batch in file.chunks():  # the whole file is checked before anything is imported
        progress("checking", batch.first + len(batch.vectors), len(file))
    result = ImportResult(rows=len(file), has_space=file.space is not None)
    matcher = ImageMatcher()
    for batch in file.chunks():
        _import_batch(batch, space, matcher, result)
        progress("importing", batch.first + len(batch.vectors), len(file))
    activation.sync_image_status(space)
    rebuilding.maintain()
    return result


def _check_compatible(file: FeatureFile, space: FeatureSpace, path: Path) -> None:
    if file.space is not None and json.loads(file.space) != space.description:
        raise FeatureFileRejected(
            "The descriptors in {path} belong to another feature space than this catalogue ({key}). "
            "Export them from a catalogue that uses the same network.",
            path=path,
            key=space.key,
        )
    dimensions = space.description["dimensions"]
    if file.dimensions != dimensions:
        raise FeatureFileRejected(
            "The descriptors in {path} have {count} dimensions, but the feature space of this catalogue ({key}) has "
            "{expected}. Export them from a catalogue that uses the same network.",
            path=path,
            count=file.dimensions,
            key=space.key,
            expected=dimensions,
        )


def _import_batch(batch: FeatureChunk, space: FeatureSpace, matcher: "ImageMatcher", result: ImportResult) -> None:
    descriptor_rows: dict[int, DescriptorRow] = {}
    for vector, image in zip(batch.vectors, matcher.match(batch), strict=True):
        if image is None:
            result.unmatched += 1
            continue
        result.matched += 1
        descriptor_rows.setdefault(image.pk, DescriptorRow(image.pk, image.sha256, vector))
    missing_ids = Image.objects.filter(~spaces.has_descriptor_in(space), pk__in=descriptor_rows).values_list(
        "pk", flat=True
    )
    new_rows = [descriptor_rows[pk] for pk in sorted(missing_ids)]
    imported = store.commit(space, new_rows) if new_rows else 0
    result.imported += imported
    result.already = result.matched - result.imported


class ImageMatcher:
    """Finds the image of each row of a feature file."""

    def match(self, batch: FeatureChunk) -> list[Image | None]:
        """The image of each row; None if there is none, or if several images have its name."""
        if batch.digests is not None:
            by_digest = {
                image.sha256: image for image in _only_identity(Image.objects.filter(sha256__in=set(batch.digests)))
            }
            return [by_digest.get(digest) for digest in batch.digests]
        pks = [self._ids_by_path.get(name, self._ids_by_filename.get(PurePath(name).name)) for name in batch.names]
        images_by_pk = {
            image.pk: image for image in _only_identity(Image.objects.filter(pk__in={pk for pk in pks if pk}))
        }
        return [images_by_pk.get(pk) if pk else None for pk in pks]

    @cached_property
    def _ids_by_path(self) -> dict[str, int | None]:
        return self._build_lookup(lambda name: name)

    @cached_property
    def _ids_by_filename(self) -> dict[str, int | None]:
        return self._build_lookup(lambda name: PurePath(name).name)

    def _build_lookup(self, key_of: Callable[[str], str]) -> dict[str, int | None]:
        """The image id of each name; None for a name that several images have."""
        ids_by_key: dict[str, int | None] = {}
        for pk, source in Image.objects.order_by("pk").values_list("pk", "source").iterator():
            ids_by_key[key_of(source)] = None if key_of(source) in ids_by_key else pk
        return ids_by_key


def _only_identity(images: ImageQuerySet) -> ImageQuerySet:
    return images.only("pk", "sha256")
