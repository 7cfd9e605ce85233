"""Engines: what ranks a snapshot, either this process or a vector server."""

from collections.abc import Collection
from typing import Protocol

import numpy as np

from catalog.vectors import two_stage
from catalog.vectors.exact import Ranking
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.snapshot import Snapshot
from catalog.vectors.two_stage import RECALL_AT


class Engine(Protocol):
    """Ranks the rows of snapshots.

    An engine may keep an index derived from the segments, one for each snapshot key. All methods of an engine with a
    server may raise IndexUnavailable: the server cannot be reached or reports an error.
    """

    def check(self) -> None:
        """Raise IndexUnavailable if the engine cannot answer searches."""

    def is_synced(self, snapshot: Snapshot) -> bool:
        """Return whether the engine's index contains exactly the live rows of `snapshot`."""

    def sync(self, snapshot: Snapshot) -> None:
        """Update the engine's index to the live rows of `snapshot`. Only one process may do this for a key."""

    def expand_query(
        self, snapshot: Snapshot, query_vector: np.ndarray, *, exclude_id: int | None = None, limit: int = RECALL_AT
    ) -> ExpandedQuery:
        """Add the best images of the snapshot to a query, as `two_stage.expand_query` does."""

    def rank(
        self, snapshot: Snapshot, query: ExpandedQuery, *, limit: int, allowed_ids: np.ndarray | None = None
    ) -> Ranking:
        """Rank the rows of the index, as `exact.rank` does exactly and `two_stage.rank` does approximately."""

    def drop_all_except(self, keys: Collection[str]) -> None:
        """Delete the indexes of all snapshots whose key is not in `keys`."""


class LocalEngine:
    """Ranks the memory-mapped segments in this process. It has no index of its own to update."""

    def check(self) -> None:
        return

    def is_synced(self, snapshot: Snapshot) -> bool:
        return True

    def sync(self, snapshot: Snapshot) -> None:
        return

    def expand_query(
        self, snapshot: Snapshot, query_vector: np.ndarray, *, exclude_id: int | None = None, limit: int = RECALL_AT
    ) -> ExpandedQuery:
        return two_stage.expand_query(snapshot, query_vector, exclude_id=exclude_id, limit=limit)

    def rank(
        self, snapshot: Snapshot, query: ExpandedQuery, *, limit: int, allowed_ids: np.ndarray | None = None
    ) -> Ranking:
        return two_stage.rank(snapshot, query, limit=limit, allowed_ids=allowed_ids)

    def drop_all_except(self, keys: Collection[str]) -> None:
        return


def create_engine(url: str | None) -> Engine:
    """Create the engine of a Milvus server's URL; None stands for the local engine. This does not connect yet."""
    if url is None:
        return LocalEngine()
    from catalog.vectors.milvus import MilvusEngine  # imports pandas and takes a hundred megabytes

    return MilvusEngine(url)
