"""Merging: combine small segments into large ones, and drop the rows of deleted images.

As in log-structured stores, segments are merged with others of similar size: O'Neil et al. 1996, "The Log-Structured
Merge-Tree". Whether images are added one at a time or by the thousand, there are few segments in the end, and each row
is rewritten only a few times. Searches continue meanwhile: an open segment stays readable after its file is deleted.

All segments are verified before they are merged, so that damage is not carried over under a new digest. Segments of
earlier versions, which have no digest, are rewritten.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import log

import numpy as np
from django.db import transaction

from catalog.exceptions import SegmentDamaged
from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.services.index import live_index, neighbour_graph, spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.jobs.progress import MERGING, Progress
from catalog.services.media.file_locks import file_commit_lock
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment

logger = logging.getLogger(__name__)

# Maximum number of rows in a merged segment. It limits how long writers wait for the transaction.
MAX_MERGED_ROWS = 20_000
# Segments of one size class are merged as soon as there are this many. It is also the ratio between size classes.
MERGE_FACTOR = 16
# A segment with a larger share of dead rows is rewritten without them.
MAX_DEAD_FRACTION = 0.25

SegmentGroup = list[Segment]


def merge_all(space: FeatureSpace, progress: Progress) -> None:
    """Merge all segments into ones of up to MAX_MERGED_ROWS, and drop dead rows.

    Raises:
        SegmentDamaged, StoreUnavailable: as `merge_due`.
    """
    dead_counts = live_index.count_dead_rows(space.pk)
    segments = [
        segment
        for segment in _ordered_segments(space)
        if segment.rows < MAX_MERGED_ROWS or segment.pk in dead_counts or not segment.digest
    ]
    for segment in segments:
        store.verify_segment(segment)
    _merge(segments, dead_counts, progress)


def merge_due(space: FeatureSpace, progress: Progress) -> None:
    """Merge the groups that are due, until none is left. Damaged segments stay as they are, and are logged.

    Raises:
        StoreUnavailable: the disk reports an error. The segments stay unchanged.
    """
    damaged: set[int] = set()
    while groups := groups_due(space, damaged):
        for group in groups:
            damaged |= {segment.pk for segment in group if not _is_intact(segment)}
            intact = [segment for segment in group if segment.pk not in damaged]
            _merge(intact, live_index.count_dead_rows(space.pk), progress)


def groups_due(space: FeatureSpace, damaged: Collection[int] = ()) -> list[SegmentGroup]:
    """Return the groups to merge: size classes with MERGE_FACTOR or more segments, and segments to be rewritten.

    These have many dead rows, or no digest.

    Args:
        damaged: primary keys of segments that are left out.
    """
    dead_counts = live_index.count_dead_rows(space.pk)
    rewritten, by_size = [], defaultdict(list)
    for segment in _ordered_segments(space):
        if segment.pk in damaged:
            continue
        if not segment.digest or dead_counts.get(segment.pk, 0) >= MAX_DEAD_FRACTION * segment.rows:
            rewritten.append(segment)
        elif segment.rows <= MAX_MERGED_ROWS // 2:
            by_size[int(log(segment.rows, MERGE_FACTOR))].append(segment)
    return [group for group in by_size.values() if len(group) >= MERGE_FACTOR] + ([rewritten] if rewritten else [])


def _is_intact(segment: Segment) -> bool:
    try:
        store.verify_segment(segment)
    except SegmentDamaged as error:
        logger.error("%s It is not merged. To repair the index, run: python manage.py check_index --repair", error)
        return False
    return True


def _merge(segments: Sequence[Segment], dead_counts: dict[int, int], progress: Progress) -> None:
    groups = list(_pack_groups(segments, dead_counts))
    for done, group in enumerate(groups, 1):
        _merge_group(group)
        progress(MERGING, done, len(groups))


def _ordered_segments(space: FeatureSpace) -> list[Segment]:
    return list(space.segments.select_related("space").order_by("pk"))


def _pack_groups(segments: Sequence[Segment], dead_counts: dict[int, int]) -> Iterator[SegmentGroup]:
    """Yield runs of segments that fit into one, if there are several, or some have dead rows or no digest."""
    group: SegmentGroup = []
    for segment in segments:
        if sum(member.rows for member in group) + segment.rows > MAX_MERGED_ROWS:
            yield from _needs_merge(group, dead_counts)
            group = []
        group.append(segment)
    yield from _needs_merge(group, dead_counts)


def _needs_merge(group: SegmentGroup, dead_counts: dict[int, int]) -> Iterator[SegmentGroup]:
    if len(group) > 1 or any(segment.pk in dead_counts or not segment.digest for segment in group):
        yield group


def _merge_group(group: SegmentGroup) -> None:
    """Write the live rows of a group as one segment, and replace the group with it in one transaction."""
    space = group[0].space
    segment_files = {segment.pk: open_segment(store.segment_path(segment.name)) for segment in group}
    descriptors = list(Descriptor.objects.filter(segment__in=group, image__isnull=False).order_by("segment", "row"))
    rows = [
        DescriptorRow(
            descriptor.image_id or 0,
            bytes(segment_files[descriptor.segment_id].digests[descriptor.row]).hex(),
            np.array(segment_files[descriptor.segment_id].vectors[descriptor.row]),
        )
        for descriptor in descriptors
    ]
    with file_commit_lock():
        merged = store.write_segment(space, rows) if rows else None
        if merged:
            _derive(merged, [(segment_files[segment.pk], _rows_of(segment, descriptors)) for segment in group])
        with transaction.atomic():
            # Lock images before descriptors, in the same order as a deletion does, to avoid a deadlock.
            images = Image.objects.select_for_update(of=("self",)).filter(descriptors__segment__in=group)
            live_ids = set(images.values_list("pk", flat=True))
            store.remove_segments(group)
            if merged:
                store.register_segment(merged, rows, live_ids)


def _rows_of(segment: Segment, descriptors: Iterable[Descriptor]) -> np.ndarray:
    """Return the rows of a segment among these descriptors: int64, in ascending order."""
    return np.array([descriptor.row for descriptor in descriptors if descriptor.segment_id == segment.pk], np.int64)


def _derive(merged: Segment, sources: list[tuple[SegmentFile, np.ndarray]]) -> None:
    """Build the codes of a merged segment, and carry over its neighbour lists, so that the first search need not."""
    generation = spaces.serving_generation(merged.space)
    if generation:
        segment_file = open_segment(store.segment_path(merged.name))
        live_index.Comparison.of(generation).codes_and_scales(segment_file)
        neighbour_graph.carry_over(generation, sources, segment_file)
