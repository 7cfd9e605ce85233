"""Checking that files and rows agree, and making them agree again."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from django.db.models import Q

from catalog.exceptions import PictureRefused, SegmentDamaged
from catalog.models import Generation, Image, Segment
from catalog.services import derivation, indexing, live_index, originals, orphans, rebuilding, spaces, store
from catalog.vectors import derived
from catalog.vectors.segments import open_segment, verify

Progress = Callable[[str, int, int], None]


@dataclass
class Report:
    """What a check found. `problems` are sentences; `orphans` is litter and does no harm."""

    images: int = 0
    indexed: int = 0
    pending: int = 0
    failed: int = 0
    segments: int = 0
    orphans: int = 0
    missing: int = 0
    corrupt: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


def check(progress: Progress = lambda phase, done, total: None) -> Report:
    """Verify every segment against its checksum and its rows, and every image against its files."""
    report = Report(
        images=Image.objects.count(),
        indexed=Image.objects.indexed().count(),
        pending=Image.objects.pending().count(),
        failed=Image.objects.failed().count(),
        segments=Segment.objects.count(),
        orphans=len(orphans.found()) + len(originals.all_unnamed()),
    )
    _check_segments(report, progress)
    _check_derived(report, progress)
    _check_places(report)
    _check_files(report, progress)
    return report


def repair(progress: Progress = lambda phase, done, total: None) -> Report:
    """Make files and rows agree: whole segments are taken over, and what is lost is described again from the originals.

    A damaged segment is put aside as `*.damaged`, not deleted. Raises as `indexing.index_pending` does.
    """
    for segment in Segment.objects.all():
        try:
            _verify(segment)
        except SegmentDamaged:
            segment.delete()  # its file is an orphan then: taken over where it is whole, else put aside
    for path in _damaged_codes():
        path.unlink(missing_ok=True)  # whoever needs it next makes it anew
    orphans.adopt()
    space = spaces.active_space()
    if space:
        rebuilding.match_status_to_descriptors(space)
    _make_missing_thumbnails()
    orphans.sweep()
    indexing.index_pending()
    rebuilding.keep_up()
    return check(progress)


def _check_segments(report: Report, progress: Progress) -> None:
    for done, segment in enumerate(Segment.objects.order_by("pk"), 1):
        try:
            _verify(segment)
        except SegmentDamaged as fault:
            if not Segment.objects.filter(pk=segment.pk).exists():
                continue  # merged into another meanwhile
            if store.path_of(segment.name).exists():
                report.corrupt += 1
            else:
                report.missing += 1
            report.problems.append(str(fault))
        progress("segments", done, report.segments)


def _check_derived(report: Report, progress: Progress) -> None:
    for path in _damaged_codes(progress):
        report.corrupt += 1
        report.problems.append(
            f"The codes of the segment {path.name} are damaged: images of it may be missed. A repair makes them anew."
        )


def _damaged_codes(progress: Progress = lambda phase, done, total: None) -> Iterator[Path]:
    """Files of codes that are not what was written for their segment. Where one is missing it is made when needed."""
    generations = Generation.objects.filter(coder__isnull=False).select_related("space")
    for key, space in {live_index.key_of(one): one.space for one in generations}.items():
        rows = list(space.segments.order_by("pk"))
        for done, row in enumerate(rows, 1):
            with suppress(SegmentDamaged):  # told of by itself
                segment = open_segment(store.path_of(row.name))
                path = derivation.path_of(key, segment)
                if path.exists() and not derived.is_whole(path, segment):
                    yield path
            progress("codes", done, len(rows))


def _verify(segment: Segment) -> None:
    """Raise SegmentDamaged unless the file is what its row, and its rows' rows, say."""
    found = verify(store.path_of(segment.name), segment.checksum)
    rows = segment.descriptors.order_by("row")
    if list(rows.values_list("row", flat=True)) != list(range(len(found))):
        raise SegmentDamaged("The segment {name} has other rows than the database.", name=segment.name)
    living = list(rows.filter(image__isnull=False).values_list("row", "image_id", "image__sha256"))
    digests = np.array([list(bytes.fromhex(sha256)) for _, _, sha256 in living], np.uint8).reshape(-1, 32)
    at = [row for row, _, _ in living]
    if found.image_ids[at].tolist() != [pk for _, pk, _ in living] or not np.array_equal(found.digests[at], digests):
        raise SegmentDamaged("The segment {name} holds other images than the database says.", name=segment.name)


def _check_places(report: Report) -> None:
    space = spaces.active_space()
    described = spaces.described_in(space) if space else Q(pk=None)
    lost = Image.objects.indexed().filter(~described).count()
    unmarked = Image.objects.exclude(status=Image.Status.INDEXED).filter(described).count()
    if lost:
        report.problems.append(f"{lost} images are marked searchable, but have no descriptor.")
    if unmarked:
        report.problems.append(f"{unmarked} images have a descriptor, but are not marked searchable.")


def _check_files(report: Report, progress: Progress) -> None:
    for done, image in enumerate(Image.objects.order_by("pk").iterator(), 1):
        lost = []
        if not originals.has_original(image):
            lost.append(
                f"The original of image {image.pk} ({image.source}) is missing: {image.original}. Upload it again."
            )
        if not originals.has_thumbnail(image):
            lost.append(f"The thumbnail of image {image.pk} ({image.source}) is missing: {image.thumbnail}.")
        if lost and not Image.objects.filter(pk=image.pk).exists():
            continue  # deleted meanwhile
        report.missing += len(lost)
        report.problems += lost
        if done % 100 == 0 or done == report.images:
            progress("originals and thumbnails", done, report.images)


def _make_missing_thumbnails() -> None:
    for image in Image.objects.order_by("pk").iterator():
        if not originals.has_thumbnail(image):
            with suppress(PictureRefused):  # told of as missing, with what to do
                originals.make_thumbnail(image)
