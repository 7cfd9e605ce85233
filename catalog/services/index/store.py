"""The feature store: segment files and the database rows that reference them.

A segment file is written atomically and durably first. Then one transaction registers it, which is the only commit
point. A file without a row is an orphan of a process that died in between. Writers hold `file_commit_lock` from the
write to the commit, so that the cleanup never deletes a file that is about to be registered.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import transaction

from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.services.index import spaces
from catalog.services.media.file_locks import file_commit_lock
from catalog.vectors import segments

SEGMENT_SUFFIX = ".h5"


@dataclass(frozen=True)
class DescriptorRow:
    """The descriptor of one image, to be written to a segment.

    Attributes:
        sha256: the SHA-256 (hex) of the original.
        vector: float32, d, of unit length.
    """

    image_id: int
    sha256: str
    vector: np.ndarray


def segment_path(name: str) -> Path:
    """Return the path of the segment file with this name."""
    return settings.FEATURES_DIR / name


def write_segment(space: FeatureSpace, rows: Sequence[DescriptorRow]) -> Segment:
    """Write `rows` as a segment file and return its unsaved row. The caller holds `file_commit_lock()`."""
    name = f"{space.key}/{uuid4().hex}{SEGMENT_SUFFIX}"
    digests = segments.write(
        segment_path(name),
        space=json.dumps(space.description, sort_keys=True),
        vectors=np.stack([row.vector for row in rows]),
        image_ids=np.array([row.image_id for row in rows], np.int64),
        digests=np.array([list(bytes.fromhex(row.sha256)) for row in rows], np.uint8),
    )
    return Segment(space=space, name=name, rows=len(rows), checksum=digests.checksum, digest=digests.digest)


def register_segment(segment: Segment, rows: Sequence[DescriptorRow], live_ids: set[int]) -> None:
    """Save the database rows of a segment and its descriptors. Call this in the transaction that commits them.

    Args:
        live_ids: the ids of the images whose rows are live. The rows of other images are dead.
    """
    segment.save()
    Descriptor.objects.bulk_create(
        [
            Descriptor(
                image_id=row.image_id if row.image_id in live_ids else None,
                space=segment.space,
                segment=segment,
                row=position,
            )
            for position, row in enumerate(rows)
        ],
        batch_size=500,
    )


def commit(space: FeatureSpace, rows: Sequence[DescriptorRow]) -> int:
    """Write `rows` as a segment and register it.

    Rows of images that were deleted, or that already have a descriptor in `space`, are dead.

    Returns:
        The number of live rows.

    Raises:
        StoreUnavailable: the segment cannot be written. Nothing is committed.
        CatalogueBusy: a cleanup has held the lock for too long. Nothing is committed.
    """
    with file_commit_lock():
        segment = write_segment(space, rows)
        with transaction.atomic():
            images = Image.objects.select_for_update().filter(pk__in=[row.image_id for row in rows])
            live_ids = set(images.filter(~spaces.has_descriptor_in(space)).values_list("pk", flat=True))
            register_segment(segment, rows, live_ids)
    return len(live_ids)


def verify_segment(segment: Segment) -> segments.Segment:
    """Open the file of a segment and compare all of it with its row. Raises SegmentDamaged, StoreUnavailable."""
    return segments.verify(segment_path(segment.name), segment.checksum, segment.digest)


def remove_segments(removed: Sequence[Segment]) -> None:
    """Delete the rows of segments in the current transaction, and their files after it is committed."""
    names = [segment.name for segment in removed]
    Segment.objects.filter(pk__in=[segment.pk for segment in removed]).delete()
    transaction.on_commit(lambda: _unlink(names))


def stored_paths() -> Iterator[Path]:
    """Yield the paths of all files in the store, except quarantined ones."""
    return (path for path in settings.FEATURES_DIR.rglob("*") if path.is_file() and path.suffix != ".damaged")


def quarantine(path: Path) -> None:
    """Rename a damaged segment to `*.damaged`, which removes it from the store without deleting it."""
    if path.exists():
        path.rename(path.with_suffix(".damaged"))


def _unlink(names: Sequence[str]) -> None:
    for name in names:
        segment_path(name).unlink(missing_ok=True)
