"""Orphans: files without a row, left by a process that died, or because the database lost its rows.

Orphans are deleted, except segments with descriptors that images of the catalogue lack. A repair adopts those: the
feature store is the durable record, and the index can be restored from it. No segment is deleted while the file of
another is missing: a database that was restored, or lost its last commits, may name segments that were merged since,
and the orphan is what they were merged into. For the same reason young originals are kept.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.utils import timezone

from catalog.exceptions import SegmentDamaged
from catalog.models import FeatureSpace, Generation, Image, Segment
from catalog.services.index import spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.media import deletion, files
from catalog.services.media.file_locks import orphan_cleanup_lock
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment, verify

logger = logging.getLogger(__name__)

# Younger originals and thumbnails are kept.
MIN_MEDIA_AGE = timedelta(days=1)
# How long the cleanup waits for processes that write files.
LOCK_TIMEOUT_SECONDS = 20.0
# Maximum number of digests in one query.
DIGESTS_PER_QUERY = 5000


def find_orphans() -> list[Path]:
    """Files of the feature store without a row."""
    # Listed first: a file that gets its row meanwhile is none.
    paths = list(store.stored_paths())
    referenced = {store.segment_path(name) for name in _segment_names()}
    return [path for path in paths if path not in referenced]


def find_media_orphans() -> list[str]:
    """Names of originals and thumbnails without a row. Young ones are left out: they may be about to get their row."""
    return [name for name in files.find_unreferenced() if deletion.is_older(name, MIN_MEDIA_AGE)]


def _segment_names() -> list[str]:
    return list(Segment.objects.values_list("name", flat=True))


def sweep() -> int:
    """Delete originals, thumbnails and segments without a row, and return how many there were.

    Files are listed while others are written. Only the deletion holds the lock, a few files at a time.

    Raises:
        CatalogueBusy: other processes kept writing files.
        StoreUnavailable: the media storage is not available.
    """
    return _sweep_segments() + _sweep_media()


def _sweep_segments() -> int:
    unneeded = {path for path in find_orphans() if not _has_missing_descriptors(path)}
    if not unneeded:
        return 0
    with orphan_cleanup_lock(LOCK_TIMEOUT_SECONDS):
        missing = [name for name in _segment_names() if not store.segment_path(name).exists()]
        if missing:
            logger.error(
                "No segment is deleted, because %s is missing. To repair the index, run: "
                "python manage.py check_index --repair",
                missing[0],
            )
            return 0
        orphan_paths = unneeded.intersection(find_orphans())  # others have got their row meanwhile
        for path in orphan_paths:
            path.unlink(missing_ok=True)
    return len(orphan_paths)


def _sweep_media() -> int:
    return deletion.delete_unreferenced(find_media_orphans(), lock_timeout=LOCK_TIMEOUT_SECONDS, min_age=MIN_MEDIA_AGE)


def adopt() -> int:
    """Register the descriptors that images lack from intact orphan segments, and return how many there were.

    Only descriptors of the active space are used. If there is no generation left, the space of most descriptors is
    activated. Images are matched by their digests. A damaged segment is renamed to `*.damaged`.

    Raises:
        StoreUnavailable: the disk is full or not writable.
    """
    segments = list(_intact_segments())
    space = spaces.active_space()
    if space is None and segments:
        space = _activate_space(*_most_common_space(segments))
    return sum(_adopt_rows(segment, space) for segment in segments if space and segment.path.parent.name == space.key)


def _intact_segments() -> Iterator[SegmentFile]:
    for path in find_orphans():
        if path.suffix != store.SEGMENT_SUFFIX:
            continue
        try:
            yield verify(path)
        except SegmentDamaged:
            store.quarantine(path)


def _most_common_space(segments: list[SegmentFile]) -> tuple[str, str]:
    """The key of the space with most rows, and its description as JSON."""
    rows: Counter[tuple[str, str]] = Counter()
    for segment in segments:
        rows[segment.path.parent.name, segment.space] += len(segment)
    return rows.most_common(1)[0][0]


def _activate_space(key: str, description_json: str) -> FeatureSpace:
    description = json.loads(description_json)
    defaults = {"extractor": description["extractor"], "description": description}
    space = FeatureSpace.objects.get_or_create(key=key, defaults=defaults)[0]
    Generation.objects.create(space=space, state=Generation.State.ACTIVE, activated_at=timezone.now())
    return space


def _adopt_rows(segment: SegmentFile, space: FeatureSpace) -> int:
    # A new segment is written, because images that were added again have other ids than in the file.
    rows = [
        DescriptorRow(pk, digest, np.array(segment.vectors[row])) for row, digest, pk in _missing_rows(segment, space)
    ]
    return store.commit(space, rows) if rows else 0


def _has_missing_descriptors(path: Path) -> bool:
    """Whether a file contains descriptors that images lack. Only digests are read, and the checksum is not verified."""
    space = spaces.active_space()
    if path.suffix != store.SEGMENT_SUFFIX or (space and path.parent.name != space.key):
        return False
    with suppress(SegmentDamaged):
        return any(True for _ in _missing_rows(open_segment(path), space))
    return False


def _missing_rows(segment: SegmentFile, space: FeatureSpace | None) -> Iterator[tuple[int, str, int]]:
    """Rows of images without a descriptor in `space` (None: of all images): row, SHA-256 in hex, image id."""
    images = Image.objects.filter(~spaces.has_descriptor_in(space)) if space else Image.objects.all()
    for start in range(0, len(segment), DIGESTS_PER_QUERY):
        digests = [bytes(digest).hex() for digest in segment.digests[start : start + DIGESTS_PER_QUERY]]
        ids = dict(images.filter(sha256__in=digests).values_list("sha256", "pk"))
        yield from ((start + offset, sha256, ids[sha256]) for offset, sha256 in enumerate(digests) if sha256 in ids)
