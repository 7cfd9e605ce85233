"""Snapshots of given descriptors, in several segments, with codes and neighbour lists."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from catalog.vectors import segments
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.code_files import build_codes
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours import building
from catalog.vectors.neighbours.lists import NeighbourLists
from catalog.vectors.projections.projection import Projection
from catalog.vectors.segments import Segment
from catalog.vectors.snapshot import Snapshot


def write_segment(path: Path, rows: np.ndarray, image_ids: np.ndarray) -> Segment:
    """Write a segment and open it. The digests count the bytes."""
    digests = np.arange(len(rows) * 32, dtype=np.uint8).reshape(len(rows), 32)
    segments.write(path, space='{"extractor": "test"}', vectors=rows, image_ids=image_ids, digests=digests)
    return segments.open_segment(path)


def build_snapshot(
    folder: Path,
    rows: np.ndarray,
    image_ids: np.ndarray,
    *,
    starts: Sequence[int] = (),
    live: np.ndarray | None = None,
    projection: Projection | None = None,
    encoder: BinaryEncoder | None = None,
    candidates: int | None = None,
) -> Snapshot:
    """Write rows in several segments and return their snapshot, without neighbour lists.

    Args:
        starts: the first row of each segment but the first.
        live: which rows are live: bool, n. None for all.
    """
    live_segments = []
    for number, positions in enumerate(np.split(np.arange(len(rows)), list(starts))):
        segment = write_segment(folder / f"{number}.h5", rows[positions], image_ids[positions])
        codes = build_codes(segment, projection, encoder) if projection and encoder else None
        mask = live[positions] if live is not None else None
        live_segments.append(LiveSegment(segment, mask if mask is not None and not mask.all() else None, codes))
    return Snapshot("test", live_segments, projection, encoder, candidates)


def add_neighbours(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the neighbour lists of its live rows."""
    rows = snapshot.number_rows(snapshot.allowed_rows(None))
    lists = building.NeighbourFinder(snapshot).find(rows)
    inverse_norms = building.compute_inverse_norms(snapshot, rows, lists)
    complete = NeighbourLists.empty(len(snapshot.row_index))
    complete.image_ids[rows], complete.similarities[rows] = lists.image_ids, lists.similarities
    complete.inverse_norms[rows] = inverse_norms
    return set_lists(snapshot, complete)


def set_lists(snapshot: Snapshot, lists: NeighbourLists) -> Snapshot:
    """Return the snapshot with the neighbour lists of all rows."""
    offsets = snapshot.row_index.offsets
    parts = [
        NeighbourLists(*(array[start:end] for array in lists.arrays().values())) for start, end in pairwise(offsets)
    ]
    pairs = zip(snapshot.segments, parts, strict=True)
    return replace(snapshot, segments=[replace(live_segment, neighbours=part) for live_segment, part in pairs])


def delete_images(snapshot: Snapshot, image_ids: Sequence[int]) -> Snapshot:
    """Return the snapshot without some images. Lists still name them."""
    live_segments = []
    for live_segment in snapshot.segments:
        live = np.zeros(len(live_segment.segment), bool)
        live[live_segment.rows()] = True
        live &= ~np.isin(live_segment.segment.image_ids, image_ids)
        live_segments.append(replace(live_segment, live_mask=None if live.all() else live))
    return replace(snapshot, segments=live_segments)


def stored_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows as they are read from a segment, rounded to float16: float64."""
    return rows.astype(np.float16).astype(np.float64)
