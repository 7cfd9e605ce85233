"""The index as the database has it now: which segments of the active space, and which of their rows live.

Every search asks the database first, in three small queries, so that what was committed is found and what
was deleted is gone in every process without anyone being told. Segments are opened once and kept.

Where a server does the ranking, it is brought up to the segments first: by whoever commits, and by any
search that finds it behind.
"""

import logging
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.db.models import Count, Q

from catalog import locks
from catalog.exceptions import CatalogueBusy, IndexUnavailable, SegmentDamaged, StoreUnavailable
from catalog.models import Descriptor, Generation, Segment
from catalog.services import store
from catalog.services.derivation import derived_of
from catalog.services.learning import coder_of, projection_of
from catalog.vectors.codes import Coder
from catalog.vectors.derived import Derived
from catalog.vectors.engines import Engine, engine_at
from catalog.vectors.projection import Projection
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment
from catalog.vectors.snapshot import LiveSegment, Snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class View:
    """What one search sees. `damaged` names the segments that cannot be read."""

    snapshot: Snapshot
    damaged: list[str]


class LiveIndex:
    """Open segments, shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By the segment's primary key: how it was opened, which is how many of its rows were dead and the key of
        # the snapshot it was for; and what came of that.
        self._open: dict[int, tuple[tuple[int, str], LiveSegment]] = {}
        self._told: set[str] = set()

    def view(self, generation: Generation) -> View:
        """The segments of the generation's space that the database names at this moment, compared its way."""
        ways = Ways.of(generation)
        while True:
            rows = list(Segment.objects.filter(space=generation.space_id).order_by("pk"))
            with self._lock:
                faults = self._refresh(rows, ways)
                found = [self._open[row.pk][1] for row in rows if row.pk in self._open]
            if Segment.objects.filter(pk__in=[row.pk for row in rows]).count() == len(rows):
                break
            # A segment was merged into another between being named and being looked at: look again.
        for fault in faults.values():
            self._tell_once(fault)
        snapshot = Snapshot(ways.key, found, ways.projection, ways.coder, generation.candidates)
        return View(snapshot, list(faults))

    def _tell_once(self, fault: SegmentDamaged) -> None:
        if str(fault) not in self._told:
            self._told.add(str(fault))
            logger.error("%s Its images are not found until `manage.py check_index --repair` has run.", fault)

    def forget(self) -> None:
        """Close every segment."""
        with self._lock:
            self._open = {}

    def _refresh(self, rows: list[Segment], ways: "Ways") -> dict[str, SegmentDamaged]:
        """Open what is new and close what is gone; what cannot be opened, by name."""
        dead = dead_rows(rows[0].space_id) if rows else {}
        known, self._open = self._open, {}
        faults = {}
        for row in rows:
            opened_as = (dead.get(row.pk, 0), ways.key)
            kept = known.get(row.pk)
            if kept and kept[0] == opened_as:
                self._open[row.pk] = kept
                continue
            try:
                segment = kept[1].segment if kept else open_segment(store.path_of(row.name))
            except SegmentDamaged as fault:
                faults[row.name] = fault
                continue
            derived = kept[1].derived if kept and kept[0][1] == ways.key else ways.derived_of(segment)
            self._open[row.pk] = (opened_as, LiveSegment(segment, _live_rows(row) if opened_as[0] else None, derived))
        return faults


@dataclass(frozen=True)
class Ways:
    """How a generation compares rows. The key names the space, the projection and the coder."""

    key: str
    projection: Projection | None
    coder: Coder | None

    @classmethod
    def of(cls, generation: Generation) -> "Ways":
        return cls(key_of(generation), projection_of(generation), coder_of(generation))

    def derived_of(self, segment: SegmentFile) -> Derived | None:
        if self.projection is None or self.coder is None:
            return None
        return derived_of(self.key, segment, self.projection, self.coder)


def key_of(generation: Generation) -> str:
    """Different for what is compared differently."""
    learned = [digest[:8] for digest in (generation.projection_id, generation.coder_id) if digest]
    return "-".join([generation.space.key, *learned])


def dead_rows(space_id: int) -> dict[int, int]:
    """How many rows are dead, by segment."""
    dead = Descriptor.objects.filter(image=None, space=space_id)
    return dict(dead.values_list("segment").annotate(Count("pk")).order_by())


def _live_rows(row: Segment) -> np.ndarray:
    live = np.ones(row.rows, bool)
    gone = Descriptor.objects.filter(segment=row, image=None).values_list("row", flat=True)
    live[np.fromiter(gone, np.int64)] = False
    return live


INDEX = LiveIndex()


def engine() -> Engine:
    """What ranks: this process, or the server that the settings name."""
    return _engine(settings.VECTOR_INDEX)


_engine = lru_cache(maxsize=1)(engine_at)


def up_to_date(generation: Generation) -> View:
    """What the generation ranks, once the engine holds just what is live in it.

    Raises:
        IndexUnavailable: the engine's server is away or refuses.
        CatalogueBusy: another process is bringing much to it, and is not done yet.
    """
    view = INDEX.view(generation)
    if engine().holds(view.snapshot):
        return view
    try:
        with locks.held(settings.LOCKS_DIR / f"{view.snapshot.key}.lock", wait=20):
            # Looked at again, so that what is brought is never older than what the last holder brought.
            view = INDEX.view(generation)
            if view.snapshot.segments:
                engine().catch_up(view.snapshot)
    except CatalogueBusy as fault:
        raise CatalogueBusy("The vector index is being filled from the store. Try again in a minute.") from fault
    return view


def follow(generation: Generation | None) -> None:
    """Bring the engine up to what was just committed. Where that fails, the next search or worker tries again."""
    if generation is None or settings.VECTOR_INDEX is None:
        return  # nothing to bring up: the segments need not even be opened
    try:
        up_to_date(generation)
    except (IndexUnavailable, CatalogueBusy, StoreUnavailable) as fault:
        logger.warning("%s", fault)


def drop_retired() -> None:
    """Have the engine let go of what no search goes by any more. Where that fails, the next rebuild tries again."""
    # Of a space that is not the active one a search may still be under way.
    active = Q(state=Generation.State.ACTIVE)
    serving = Generation.objects.filter(active).values("space")
    kept = Generation.objects.filter(active | ~Q(space__in=serving)).select_related("space")
    try:
        engine().drop_others([key_of(generation) for generation in kept])
    except IndexUnavailable as fault:
        logger.warning("%s", fault)
