"""The live index: the segments and live rows of a generation, as the database has them at this moment.

Every search reads this state from the database, with three small queries. So all processes find new images and no
deleted ones, without notifications between processes. Opened segments are kept for later searches.

If a vector server does the ranking, it is synced with the segments: after each commit, and by any search that finds it
out of date.
"""

import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db.models import Count, Q

from catalog import locks
from catalog.exceptions import CatalogueBusy, IndexUnavailable, SegmentDamaged, StoreUnavailable
from catalog.models import Descriptor, Generation, Segment
from catalog.services.index import store
from catalog.services.index.code_cache import load_or_build, neighbours_state, open_neighbours
from catalog.services.index.training.trained_parameters import encoder_of, projection_of
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.code_files import CodesAndScales
from catalog.vectors.engines import Engine, create_engine
from catalog.vectors.live_segment import LiveSegment
from catalog.vectors.neighbours.row_index import RowIndex
from catalog.vectors.projections.projection import Projection
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment
from catalog.vectors.snapshot import Snapshot

logger = logging.getLogger(__name__)

# How long a search waits for another process that fills the vector server.
SYNC_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class IndexView:
    """The state of the index for one search.

    Attributes:
        damaged: the names of segments that cannot be read.
    """

    snapshot: Snapshot
    damaged: list[str]


class SegmentState(NamedTuple):
    """What an open segment depends on: the number of dead rows, the snapshot key, and the file of neighbour lists."""

    dead_rows: int
    key: str
    neighbours: tuple[int, int] | None


class LiveIndex:
    """The open segments of this process, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By primary key of the segment: the state for which it was opened, and the result.
        self._segments: dict[int, tuple[SegmentState, LiveSegment]] = {}
        self._row_index = RowIndex([])
        self._logged_errors: set[str] = set()

    def view(self, generation: Generation) -> IndexView:
        """Return the current state of a generation: the segments of its space with all that searches need."""
        comparison = Comparison.of(generation)
        while True:
            rows = list(Segment.objects.filter(space=generation.space_id).order_by("pk"))
            with self._lock:
                errors = self._refresh(rows, comparison)
                live_segments = [self._segments[row.pk][1] for row in rows if row.pk in self._segments]
                row_index = self._row_index = self._row_index.reuse_for(live_segments)
            if Segment.objects.filter(pk__in=[row.pk for row in rows]).count() == len(rows):
                break
            # A segment was merged in the meantime, so its live rows may be missing: read the state again.
        for error in errors.values():
            self._log_once(error)
        snapshot = Snapshot(
            comparison.key,
            live_segments,
            comparison.projection,
            comparison.encoder,
            generation.candidate_count,
            generation.is_augmented,
            row_index,
        )
        return IndexView(snapshot, list(errors))

    def close(self) -> None:
        """Close all segments."""
        with self._lock:
            self._segments = {}

    def _log_once(self, error: SegmentDamaged) -> None:
        if str(error) not in self._logged_errors:
            self._logged_errors.add(str(error))
            logger.error(
                "%s Searches do not find its images. To repair the index, run: python manage.py check_index --repair",
                error,
            )

    def _refresh(self, rows: list[Segment], comparison: "Comparison") -> dict[str, SegmentDamaged]:
        """Open new segments and drop removed ones. Return the errors of damaged segments by name."""
        dead_counts = count_dead_rows(rows[0].space_id) if rows else {}
        previous, self._segments = self._segments, {}
        errors = {}
        for row in rows:
            cached = previous.get(row.pk)
            try:
                segment = cached[1].segment if cached else open_segment(store.segment_path(row.name))
            except SegmentDamaged as error:
                errors[row.name] = error
                continue
            state = SegmentState(dead_counts.get(row.pk, 0), comparison.key, neighbours_state(comparison.key, segment))
            if cached and cached[0] == state:
                self._segments[row.pk] = cached
                continue
            self._segments[row.pk] = (state, _live_segment(row, segment, state, comparison, cached))
        return errors


@dataclass(frozen=True)
class Comparison:
    """How a generation compares rows.

    Attributes:
        key: see `comparison_key`.
    """

    key: str
    projection: Projection | None
    encoder: BinaryEncoder | None

    @classmethod
    def of(cls, generation: Generation) -> "Comparison":
        """Load the projection and the encoder of a generation."""
        return cls(comparison_key(generation), projection_of(generation), encoder_of(generation))

    def codes_and_scales(self, segment: SegmentFile) -> CodesAndScales | None:
        """Load or build the codes and scales of a segment; None without encoder."""
        return None if self.encoder is None else load_or_build(self.key, segment, self.projection, self.encoder)


def _live_segment(
    row: Segment,
    segment: SegmentFile,
    state: SegmentState,
    comparison: Comparison,
    cached: tuple[SegmentState, LiveSegment] | None,
) -> LiveSegment:
    """Return an open segment in a new state. What has not changed is that of the previous state, the same object."""
    before, previous = cached or (None, None)
    same_rows = before is not None and before.dead_rows == state.dead_rows
    same_codes = before is not None and before.key == state.key
    return LiveSegment(
        segment,
        previous.live_mask if previous and same_rows else (_live_mask(row) if state.dead_rows else None),
        previous.codes_and_scales if previous and same_codes else comparison.codes_and_scales(segment),
        open_neighbours(comparison.key, segment) if state.neighbours else None,
    )


def comparison_key(generation: Generation) -> str:
    """Return a key that identifies the space, the projection and the encoder of a generation."""
    digests = [digest[:8] for digest in (generation.projection_id, generation.encoder_id) if digest]
    return "-".join([generation.space.key, *digests])


def count_dead_rows(space_id: int) -> dict[int, int]:
    """Return the number of dead rows by primary key of the segment. Segments without dead rows are omitted."""
    dead = Descriptor.objects.filter(image=None, space=space_id)
    return dict(dead.values_list("segment").annotate(Count("pk")).order_by())


def _live_mask(row: Segment) -> np.ndarray:
    """Return which rows of a segment are live: bool, n."""
    is_live = np.ones(row.rows, bool)
    dead_rows = Descriptor.objects.filter(segment=row, image=None).values_list("row", flat=True)
    is_live[np.fromiter(dead_rows, np.int64)] = False
    return is_live


INDEX = LiveIndex()


def engine() -> Engine:
    """Return the engine that the settings choose: this process or a vector server."""
    return _engine(settings.VECTOR_INDEX)


_engine = lru_cache(maxsize=1)(create_engine)


def synced_view(generation: Generation) -> IndexView:
    """Return the current state of a generation, after syncing the engine with it.

    Raises:
        IndexUnavailable: the vector server cannot be reached or reports an error.
        CatalogueBusy: another process has been syncing the vector server for SYNC_TIMEOUT_SECONDS.
    """
    view = INDEX.view(generation)
    if engine().is_synced(view.snapshot):
        return view
    try:
        with locks.file_lock(settings.LOCKS_DIR / f"{view.snapshot.key}.lock", timeout=SYNC_TIMEOUT_SECONDS):
            # Read the state again, so that it is not older than the one the last lock holder synced.
            view = INDEX.view(generation)
            if view.snapshot.segments:
                engine().sync(view.snapshot)
    except CatalogueBusy as error:
        raise CatalogueBusy("The vector index is being updated. Try again in a minute.") from error
    return view


def sync_engine(generation: Generation | None) -> None:
    """Sync the engine after a commit. An error is logged, and the next search or worker tries again."""
    if generation is None or settings.VECTOR_INDEX is None:
        return  # the local engine has nothing to sync, so the segments need not be opened
    try:
        synced_view(generation)
    except (IndexUnavailable, CatalogueBusy, StoreUnavailable) as error:
        logger.warning("%s", error)


def drop_retired_generations() -> None:
    """Delete the engine's indexes that no search uses. An error is logged, and the next rebuild tries again."""
    # A search in a space that is no longer active may still be running, so indexes of other spaces are kept.
    active = Q(state=Generation.State.ACTIVE)
    serving = Generation.objects.filter(active).values("space")
    retained = Generation.objects.filter(active | ~Q(space__in=serving)).select_related("space")
    try:
        engine().drop_all_except([comparison_key(generation) for generation in retained])
    except IndexUnavailable as error:
        logger.warning("%s", error)
