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
from catalog.models import Descriptor, FeatureSpace, Segment
from catalog.services import originals
from catalog.vectors import segments

logger = logging.getLogger(__name__)


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
    with locks.held(_lock(), shared=True, wait=60):
        yield


def append(space: FeatureSpace, rows: Sequence[Described]) -> Segment:
    """Write `rows` as a segment file and return its row, not yet saved. To be called within `writing()`."""
    name = f"{space.key}/{uuid4().hex}.h5"
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


def forget(gone: Sequence[Segment]) -> None:
    """Remove segments from the store within the current transaction, and their files once it is committed."""
    names = [segment.name for segment in gone]
    Segment.objects.filter(pk__in=[segment.pk for segment in gone]).delete()
    transaction.on_commit(lambda: _unlink(names))


def _unlink(names: Sequence[str]) -> None:
    for name in names:
        path_of(name).unlink(missing_ok=True)


def orphans() -> list[Path]:
    """Files of the store that no row names."""
    named = {path_of(name) for name in Segment.objects.values_list("name", flat=True)}
    return [path for path in _files() if path not in named]


def sweep() -> int:
    """Remove every segment, original and thumbnail that no row names; how many there were.

    Raises:
        CatalogueBusy: files are being written without pause.
    """
    with locks.held(_lock(), wait=20):
        litter, media = orphans(), originals.all_unnamed()
        for path in litter:
            path.unlink(missing_ok=True)
        for name in media:
            originals.delete(name)
    return len(litter) + len(media)


def delete_unnamed_media(names: Sequence[str]) -> None:
    """Delete media files unless an image has them, for the same bytes may have been uploaded again just now."""
    try:
        with locks.held(_lock(), wait=2):
            for name in originals.unnamed(names):
                originals.delete(name)
    except (CatalogueBusy, StoreUnavailable) as fault:
        logger.info("files of deleted images are left to the next sweep: %s", fault)


def _files() -> Iterator[Path]:
    return (path for path in settings.FEATURES_DIR.rglob("*") if path.is_file() and path.suffix != ".damaged")


def _lock() -> Path:
    return settings.LOCKS_DIR / "store.lock"
