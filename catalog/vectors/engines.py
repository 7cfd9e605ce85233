"""What can rank the catalogue: the segments themselves, here, or a server that is kept up to them."""

from collections.abc import Collection
from typing import Protocol

import numpy as np

from catalog.vectors import two_stage
from catalog.vectors.exact import Ranking
from catalog.vectors.snapshot import Snapshot


class Engine(Protocol):
    """Ranks the rows of snapshots, from the segments or whatever it derives from them.

    What it derives goes by the snapshot's key. All but the local engine may raise IndexUnavailable: the engine's
    server is away or refuses.
    """

    def check(self) -> None:
        """Return if searches can be answered; else raise."""

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether the live rows of `snapshot`, and those alone, are what `rank` ranks."""

    def catch_up(self, snapshot: Snapshot) -> None:
        """Make that so. One process at a time may do this for a key."""

    def rank(self, snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
        """Rank the rows that it holds, as `exact.rank` does, or nearly so: see `two_stage`."""

    def drop_others(self, keys: Collection[str]) -> None:
        """Let go of what is held for any snapshot whose key is not one of `keys`."""


class Local:
    """Ranks the segments as they are, through their memory maps: there is nothing to keep up."""

    def check(self) -> None:
        return

    def holds(self, snapshot: Snapshot) -> bool:
        return True

    def catch_up(self, snapshot: Snapshot) -> None:
        return

    def rank(self, snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
        return two_stage.rank(snapshot, sought, top=top, allowed=allowed)

    def drop_others(self, keys: Collection[str]) -> None:
        return


def engine_at(url: str | None) -> Engine:
    """The engine of a Milvus server's URL, or the local one. Nothing is asked of the server yet."""
    if url is None:
        return Local()
    from catalog.vectors.milvus import Milvus  # brings in pandas and a hundred megabytes

    return Milvus(url)
