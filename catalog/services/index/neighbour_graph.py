"""The neighbour graph of a generation: kept up with the catalogue, in files beside the codes.

A rebuild makes all lists. Afterwards a worker makes those of new images, gives new images a place in the lists of their
neighbours, and makes lists again that name deleted images. Until then, searches rank such images by their own
descriptors.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from django.conf import settings

from catalog.models import Generation
from catalog.services.index import code_cache, live_index
from catalog.services.jobs.progress import LINKING, Progress, ignore_progress
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours import augmentation, building
from catalog.vectors.neighbours.building import NeighbourFinder
from catalog.vectors.neighbours.lists import MAX_IMAGE_ID, NeighbourLists
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.snapshot import Snapshot


def update(generation: Generation, progress: Progress = ignore_progress) -> None:
    """Make the lists that are missing or name deleted images. Does nothing for a generation without codes.

    Only one process may do this at a time. If it is killed, the next call goes on.

    Raises:
        StoreUnavailable: the lists cannot be written.
    """
    snapshot = live_index.INDEX.view(generation).snapshot
    if snapshot.encoder is None or not snapshot.augmented:
        return
    due = {
        number: _rows_without_list(snapshot, number, live_segment)
        for number, live_segment in enumerate(snapshot.segments)
    }
    total, done = sum(len(rows) for rows in due.values()), 0
    if not total:
        return
    finder = NeighbourFinder(snapshot, settings.THREADS)
    for number, rows in due.items():

        def report(count: int, before: int = done) -> None:
            progress(LINKING, before + count, total)

        if len(rows):
            found = finder.find(rows, report)
            _add_to_neighbours(snapshot, generation, rows, found)
            segment_rows = rows - snapshot.row_index.offsets[number]
            _change_lists(generation, snapshot.segments[number].segment, partial(_replace, segment_rows, found))
        done += len(rows)


def _rows_without_list(snapshot: Snapshot, number: int, live_segment: LiveSegment) -> np.ndarray:
    """Return the live rows of a segment whose list is not made or names a deleted image, numbered: int64."""
    rows = live_segment.rows() + snapshot.row_index.offsets[number]
    return rows[~augmentation.is_complete(snapshot, snapshot.neighbours_of(rows))]


def _add_to_neighbours(first: Snapshot, generation: Generation, rows: np.ndarray, found: NeighbourLists) -> None:
    """Give the images of `rows` a place in the lists of their neighbours.

    Lists that are made in the same update name them already.

    Args:
        first: the snapshot before the update.
    """
    image_ids = np.repeat(first.row_index.image_ids(rows), found.image_ids.shape[1])
    targets = first.row_index.rows_of(found.image_ids).ravel().astype(np.int64)
    cosines = found.similarities.ravel()
    kept = (found.image_ids.ravel() > 0) & (targets >= 0) & (image_ids <= MAX_IMAGE_ID)
    targets, image_ids, cosines = targets[kept], image_ids[kept], cosines[kept]
    for number, positions, segment_rows in first.row_index.split(targets):
        was_made = first.neighbours_of(targets[positions]).inverse_norms > 0
        if not was_made.any():
            continue
        inserted = segment_rows[was_made], image_ids[positions][was_made], cosines[positions][was_made]
        _change_lists(generation, first.segments[number].segment, partial(_insert, *inserted))


def _insert(rows: np.ndarray, image_ids: np.ndarray, cosines: np.ndarray, lists: NeighbourLists) -> np.ndarray:
    return building.insert(lists, rows, image_ids, cosines)


def _replace(rows: np.ndarray, found: NeighbourLists, lists: NeighbourLists) -> np.ndarray:
    lists.image_ids[rows], lists.similarities[rows] = found.image_ids, found.similarities
    return rows


def _change_lists(generation: Generation, segment: SegmentFile, change: Callable[[NeighbourLists], np.ndarray]) -> None:
    """Change the lists of a segment, and write them. A segment that can no longer be read is left out.

    Args:
        change: changes lists in memory, and returns the rows of the segment whose lists have changed.
    """
    snapshot = live_index.INDEX.view(generation).snapshot
    numbers = [number for number, live in enumerate(snapshot.segments) if live.segment.path == segment.path]
    if not numbers:
        return
    key = live_index.comparison_key(generation)
    stored = code_cache.open_neighbours(key, segment)
    lists = stored.copy() if stored else NeighbourLists.empty(len(segment))
    changed = change(lists)
    if len(changed):
        changed_lists = NeighbourLists(*(array[changed] for array in lists.arrays().values()))
        rows = changed + snapshot.row_index.offsets[numbers[0]]
        lists.inverse_norms[changed] = building.compute_inverse_norms(snapshot, rows, changed_lists)
        code_cache.save_neighbours(key, segment, lists)


def carry_over(generation: Generation, sources: list[tuple[SegmentFile, np.ndarray]], merged: SegmentFile) -> None:
    """Write the lists of a merged segment from those of its sources, so that they need not be made again.

    Args:
        sources: the merged segments in order, and their rows that the merged one has: int64.
        merged: has these rows in the same order.

    Raises:
        StoreUnavailable: the lists cannot be written.
    """
    key = live_index.comparison_key(generation)
    parts = []
    for segment, rows in sources:
        stored = code_cache.open_neighbours(key, segment) or NeighbourLists.empty(len(segment))
        parts.append([array[rows] for array in stored.arrays().values()])
    lists = NeighbourLists(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    if (lists.inverse_norms > 0).any():
        code_cache.save_neighbours(key, merged, lists)
