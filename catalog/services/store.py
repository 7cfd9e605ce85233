"""The feature store: segment files and the rows that name them, with one commit point between the two.

A segment is written whole and durable first; then one transaction registers it. A file that no row names
is litter: whoever wrote it died in between. Writers share a lock from file to commit, and the sweep holds
it alone, so that it never takes a file from under a living writer.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import transaction

from catalog import locks
from catalog.exceptions import CatalogueBusy, StoreUnavailable
from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.services import originals, spaces
from catalog.vectors import segments

logger = logging.getLogger(__name__)

SUFFIX = ".h5"


@dataclass(frozen=True)
class Described:
    """One image's descriptor, on its way into a segment. The vector is float32, d, of unit length."""

    image_id: int
    sha256: str
    vector: np.ndarray


def path_of(name: str) -> Path:
    return settings.FEATURES_DIR / name


@contextmanager
def writing() -> Iterator[None]:
    """Hold off the sweep while a file is not yet named by a row. Raises StoreUnavailable, CatalogueBusy."""
    with locks.held(lock(), shared=True, wait=60):
        yield


def append(space: FeatureSpace, rows: Sequence[Described]) -> Segment:
    """Write `rows` as a segment file and return its row, not yet saved. To be called within `writing()`."""
    name = f"{space.key}/{uuid4().hex}{SUFFIX}"
    checksum = segments.write(
        path_of(name),
        space=json.dumps(space.description, sort_keys=True),
        vectors=np.stack([row.vector for row in rows]),
        image_ids=np.array([row.image_id for row in rows], np.int64),
        digests=np.array([list(bytes.fromhex(row.sha256)) for row in rows], np.uint8),
    )
    return Segment(space=space, name=name, rows=len(rows), checksum=checksum)


def register(segment: Segment, rows: Sequence[Described], living: set[int]) -> None:
    """Save a segment's row and its descriptors'. To be called within the transaction that commits them.

    Args:
        living: the images that these rows may stand for; the others' rows are dead from the start.
    """
    segment.save()
    Descriptor.objects.bulk_create(
        [
            Descriptor(
                image_id=row.image_id if row.image_id in living else None,
                space=segment.space,
                segment=segment,
                row=position,
            )
            for position, row in enumerate(rows)
        ],
        batch_size=500,
    )


def commit(space: FeatureSpace, rows: Sequence[Described]) -> int:
    """Write `rows` as a segment and register it: for images that are there still and have no descriptor in `space`.

    Returns how many these are; the other rows are dead.

    Raises:
        StoreUnavailable, CatalogueBusy: nothing is written.
    """
    with writing():
        segment = append(space, rows)
        with transaction.atomic():
            images = Image.objects.select_for_update().filter(pk__in=[row.image_id for row in rows])
            living = set(images.filter(~spaces.described_in(space)).values_list("pk", flat=True))
            register(segment, rows, living)
    return len(living)


def forget(gone: Sequence[Segment]) -> None:
    """Remove segments from the store within the current transaction, and their files once it is committed."""
    names = [segment.name for segment in gone]
    Segment.objects.filter(pk__in=[segment.pk for segment in gone]).delete()
    transaction.on_commit(lambda: _unlink(names))


def _unlink(names: Sequence[str]) -> None:
    for name in names:
        path_of(name).unlink(missing_ok=True)


def delete_unnamed_media(names: Sequence[str]) -> None:
    """Delete media files unless an image has them, for the same bytes may have been uploaded again just now."""
    try:
        with locks.held(lock(), wait=2):
            for name in originals.unnamed(names):
                originals.delete(name)
    except (CatalogueBusy, StoreUnavailable) as fault:
        logger.info("files of deleted images are left to the next sweep: %s", fault)


def files() -> Iterator[Path]:
    """All that lies in the store, but for what was put aside."""
    return (path for path in settings.FEATURES_DIR.rglob("*") if path.is_file() and path.suffix != ".damaged")


def put_aside(path: Path) -> None:
    """Take a damaged segment out of the store without deleting it."""
    if path.exists():
        path.rename(path.with_suffix(".damaged"))


def lock() -> Path:
    """What writers share from file to commit, and what the sweep holds alone."""
    return settings.LOCKS_DIR / "store.lock"
