"""Merging: many small segments become few large ones, and the rows of deleted images leave with that.

By the way, segments are merged with others of about their size, as log-structured stores do (O'Neil et al. 1996, "The
Log-Structured Merge-Tree"): fed one picture at a time or thousands, a catalogue ends with few segments, and each row
was written a handful of times. Searches go on: who has a segment open keeps its pages when the file is gone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import log

import numpy as np
from django.db import transaction

from catalog.models import Descriptor, FeatureSpace, Image, Segment
from catalog.services import live_index, spaces, store
from catalog.services.store import Described
from catalog.vectors.segments import open_segment

# Rows that one merge commits at once: as long as a writer may have to wait for it. Two of half as many fill a segment.
MERGED_ROWS = 20_000
# So many segments of about a size are merged; a size is about so many times the one below.
FAN = 16
# A segment of which so much stands for deleted images is written anew without that.
WORN = 0.25

Progress = Callable[[str, int, int], None]
Group = list[Segment]


def merge_all(space: FeatureSpace, progress: Progress) -> None:
    """Merge until each segment is as large as one merge may be, dead rows left out. Raises as `merge_due`."""
    dead = live_index.dead_rows(space.pk)
    _merge([one for one in _in_order(space) if one.rows < MERGED_ROWS or one.pk in dead], dead, progress)


def merge_due(space: FeatureSpace, progress: Progress) -> None:
    """Merge what has become many, and what is worn, until nothing is.

    Raises:
        SegmentDamaged: a segment cannot be read; it stays as it is.
        StoreUnavailable: the disk refuses; likewise.
    """
    while groups := due(space):
        for group in groups:
            _merge(group, live_index.dead_rows(space.pk), progress)


def due(space: FeatureSpace) -> list[Group]:
    """What `merge_due` would merge now: FAN segments of about a size, or more, and those that are worn."""
    dead = live_index.dead_rows(space.pk)
    worn, alike = [], defaultdict(list)
    for segment in _in_order(space):
        if dead.get(segment.pk, 0) >= WORN * segment.rows:
            worn.append(segment)
        elif segment.rows <= MERGED_ROWS // 2:
            alike[int(log(segment.rows, FAN))].append(segment)
    return [group for group in alike.values() if len(group) >= FAN] + ([worn] if worn else [])


def _merge(segments: Sequence[Segment], dead: dict[int, int], progress: Progress) -> None:
    groups = list(_filled(segments, dead))
    for done, group in enumerate(groups, 1):
        _merge_into_one(group)
        progress("merging", done, len(groups))


def _in_order(space: FeatureSpace) -> list[Segment]:
    return list(space.segments.select_related("space").order_by("pk"))


def _filled(segments: Sequence[Segment], dead: dict[int, int]) -> Iterator[Group]:
    """Runs of segments that fit into one, where that is worth it: there are several, or dead rows to leave out."""
    group: Group = []
    for segment in segments:
        if sum(part.rows for part in group) + segment.rows > MERGED_ROWS:
            yield from _worthwhile(group, dead)
            group = []
        group.append(segment)
    yield from _worthwhile(group, dead)


def _worthwhile(group: Group, dead: dict[int, int]) -> Iterator[Group]:
    if len(group) > 1 or any(segment.pk in dead for segment in group):
        yield group


def _merge_into_one(group: Group) -> None:
    space = group[0].space
    parts = {segment.pk: open_segment(store.path_of(segment.name)) for segment in group}
    places = Descriptor.objects.filter(segment__in=group, image__isnull=False).order_by("segment", "row")
    rows = [
        Described(
            place.image_id or 0,
            bytes(parts[place.segment_id].digests[place.row]).hex(),
            np.array(parts[place.segment_id].vectors[place.row]),
        )
        for place in places
    ]
    with store.writing():
        merged = store.append(space, rows) if rows else None
        if merged:
            _derive(merged)
        with transaction.atomic():
            # Images before their descriptors, as a deletion locks them: else each could wait for the other.
            still = Image.objects.select_for_update(of=("self",)).filter(descriptors__segment__in=group)
            living = set(still.values_list("pk", flat=True))
            store.forget(group)
            if merged:
                store.register(merged, rows, living)


def _derive(merged: Segment) -> None:
    """Have at hand what searches need of the segment, so that none of them has to make it."""
    generation = spaces.serving(merged.space)
    if generation:
        live_index.Ways.of(generation).derived_of(open_segment(store.path_of(merged.name)))
