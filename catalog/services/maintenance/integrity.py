"""Verification of the files against the database, and repair."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db.models import Q

from catalog.exceptions import PictureRejected, SegmentDamaged
from catalog.models import Generation, Image, Segment
from catalog.services.index import activation, code_cache, extraction, live_index, rebuilding, spaces, store
from catalog.services.jobs.progress import Progress, ignore_progress
from catalog.services.maintenance import orphans
from catalog.services.media import files
from catalog.vectors.codes import code_files
from catalog.vectors.neighbours import lists
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment

logger = logging.getLogger(__name__)

# The cleanup of the worker, which runs every 15 minutes, reads one in so many segments each time.
PARTS_PER_DAY = 24 * 4


@dataclass
class IntegrityReport:
    """The result of a check.

    Attributes:
        orphans: files without a row, except young originals and thumbnails. They do no harm and are no problems.
        missing, corrupt: files that are missing, or damaged.
        problems: messages, one for each problem.
    """

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


def check(progress: Progress = ignore_progress) -> IntegrityReport:
    """Compare all segments with their checksums and database rows, and all images with their files."""
    report = IntegrityReport(
        images=Image.objects.count(),
        indexed=Image.objects.indexed().count(),
        pending=Image.objects.pending().count(),
        failed=Image.objects.failed().count(),
        segments=Segment.objects.count(),
        orphans=len(orphans.find_orphans()) + len(orphans.find_media_orphans()),
    )
    _check_segments(report, progress)
    _check_derived(report, progress)
    _check_image_status(report)
    _check_files(report, progress)
    return report


def repair(progress: Progress = ignore_progress) -> IntegrityReport:
    """Repair the index, and check it again.

    Intact segments without rows are registered, lost descriptors are extracted again from the originals, and missing
    thumbnails are created. A damaged segment is renamed to `*.damaged`, not deleted. Raises as
    `extraction.index_pending`.
    """
    for segment in Segment.objects.all():
        try:
            _verify_segment(segment)
        except SegmentDamaged:
            segment.delete()  # its file is now an orphan: adopted if it is intact, else quarantined
    for path in [*_damaged_codes(), *_damaged_neighbours()]:
        path.unlink(missing_ok=True)  # codes are rebuilt by the next search that needs them, lists by `maintain`
    orphans.adopt()
    space = spaces.active_space()
    if space:
        activation.sync_image_status(space)
    _create_missing_thumbnails()
    orphans.sweep()
    extraction.index_pending()
    rebuilding.maintain()
    return check(progress)


def log_damaged_segments() -> int:
    """Read the part of the segments that follows the one read last, so that all are read once a day.

    Damaged ones, which searches may not have noticed, are logged. Returns their number. Raises StoreUnavailable: the
    disk reports an error. The next call goes on with the segment after it.
    """
    count, damaged = ceil(Segment.objects.count() / PARTS_PER_DAY), 0
    following = Segment.objects.order_by("pk").filter(pk__gt=_last_read())
    for segment in list(following[:count]) or Segment.objects.order_by("pk")[:count]:
        try:
            _verify_segment(segment)
        except SegmentDamaged as error:
            if Segment.objects.filter(pk=segment.pk).exists():  # else merged into another segment in the meantime
                logger.error("%s To repair the index, run: python manage.py check_index --repair", error)
                damaged += 1
        finally:
            with suppress(OSError):  # the disk is full: the next call reads them again
                _last_read_path().write_text(str(segment.pk))
    return damaged


def _last_read() -> int:
    """The primary key of the segment that `log_damaged_segments` read last; 0 if there is none."""
    with suppress(FileNotFoundError, ValueError):
        return int(_last_read_path().read_text())
    return 0


def _last_read_path() -> Path:
    return settings.VAR_DIR / "last-read-segment"


def _check_segments(report: IntegrityReport, progress: Progress) -> None:
    for done, segment in enumerate(Segment.objects.order_by("pk"), 1):
        try:
            _verify_segment(segment)
        except SegmentDamaged as error:
            if not Segment.objects.filter(pk=segment.pk).exists():
                continue  # merged into another segment in the meantime
            if store.segment_path(segment.name).exists():
                report.corrupt += 1
            else:
                report.missing += 1
            report.problems.append(str(error))
        progress("segments", done, report.segments)


def _check_derived(report: IntegrityReport, progress: Progress) -> None:
    for path in _damaged_codes(progress):
        report.corrupt += 1
        report.problems.append(
            f"The codes of segment {path.name} are damaged, so searches may miss images of this segment. "
            "A repair rebuilds the codes."
        )
    for path in _damaged_neighbours(progress):
        report.corrupt += 1
        report.problems.append(
            f"The neighbour lists of segment {path.name} are damaged, so searches may rank images of this segment too "
            "high or too low. A repair makes the lists again."
        )


def _damaged_codes(progress: Progress = ignore_progress) -> Iterator[Path]:
    """Code files that do not match their segment."""
    return _damaged_derived("codes", code_cache.codes_path, code_files.is_intact, progress)


def _damaged_neighbours(progress: Progress = ignore_progress) -> Iterator[Path]:
    """Files of neighbour lists that do not match their segment."""
    return _damaged_derived("neighbour lists", code_cache.neighbours_path, lists.is_intact, progress)


def _damaged_derived(
    phase: str,
    find_path: Callable[[str, SegmentFile], Path],
    is_intact: Callable[[Path, SegmentFile], bool],
    progress: Progress,
) -> Iterator[Path]:
    """Files derived from segments that do not match them. A missing file is no damage: it is made when it is needed."""
    generations = Generation.objects.filter(encoder__isnull=False).select_related("space")
    for key, space in {live_index.comparison_key(generation): generation.space for generation in generations}.items():
        rows = list(space.segments.order_by("pk"))
        for done, row in enumerate(rows, 1):
            with suppress(SegmentDamaged):  # reported by the check of segments
                segment = open_segment(store.segment_path(row.name))
                path = find_path(key, segment)
                if path.exists() and not is_intact(path, segment):
                    yield path
            progress(phase, done, len(rows))


def _verify_segment(segment: Segment) -> None:
    """Raise SegmentDamaged if the file does not match its row and its `Descriptor` rows."""
    segment_file = store.verify_segment(segment)
    rows = segment.descriptors.order_by("row")
    if list(rows.values_list("row", flat=True)) != list(range(len(segment_file))):
        raise SegmentDamaged("The rows of segment {name} do not match the database.", name=segment.name)
    live_rows = list(rows.filter(image__isnull=False).values_list("row", "image_id", "image__sha256"))
    digests = np.array([list(bytes.fromhex(sha256)) for _, _, sha256 in live_rows], np.uint8).reshape(-1, 32)
    row_numbers = [row for row, _, _ in live_rows]
    if segment_file.image_ids[row_numbers].tolist() != [pk for _, pk, _ in live_rows] or not np.array_equal(
        segment_file.digests[row_numbers], digests
    ):
        raise SegmentDamaged("The images of segment {name} do not match the database.", name=segment.name)


def _check_image_status(report: IntegrityReport) -> None:
    space = spaces.active_space()
    has_descriptor = spaces.has_descriptor_in(space) if space else Q(pk=None)
    missing_descriptor = Image.objects.indexed().filter(~has_descriptor).count()
    not_marked_indexed = Image.objects.exclude(status=Image.Status.INDEXED).filter(has_descriptor).count()
    if missing_descriptor:
        report.problems.append(f"{missing_descriptor} images are marked as searchable but have no descriptor.")
    if not_marked_indexed:
        report.problems.append(f"{not_marked_indexed} images have a descriptor but are not marked as searchable.")


def _check_files(report: IntegrityReport, progress: Progress) -> None:
    for done, image in enumerate(Image.objects.order_by("pk").iterator(), 1):
        missing_files = []
        if not files.has_original(image):
            missing_files.append(
                f"The original of image {image.pk} ({image.source}) is missing: {image.original}. Upload it again."
            )
        if not files.has_thumbnail(image):
            missing_files.append(f"The thumbnail of image {image.pk} ({image.source}) is missing: {image.thumbnail}.")
        if missing_files and not Image.objects.filter(pk=image.pk).exists():
            continue  # deleted in the meantime
        report.missing += len(missing_files)
        report.problems += missing_files
        if done % 100 == 0 or done == report.images:
            progress("originals and thumbnails", done, report.images)


def _create_missing_thumbnails() -> None:
    for image in Image.objects.order_by("pk").iterator():
        if not files.has_thumbnail(image):
            with suppress(PictureRejected):  # the check reports the thumbnail as missing
                files.create_thumbnail(image)
