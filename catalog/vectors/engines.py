"""What can rank the catalogue: the segments themselves, here, or a server that is kept up to them."""

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np

from catalog.vectors import exact
from catalog.vectors.exact import LiveSegment, Ranking


class Engine(Protocol):
    """Ranks the rows of segments, the durable record, from whatever it derives from them.

    `space` is the key of a feature space. All but `drop_others` of the local engine may raise
    IndexUnavailable: the engine's server is away or refuses.
    """

    def check(self) -> None:
        """Return if searches can be answered; else raise."""

    def holds(self, space: str, segments: Sequence[LiveSegment]) -> bool:
        """Whether the live rows of `segments`, and those alone, are what `rank` ranks."""

    def catch_up(self, space: str, segments: Sequence[LiveSegment]) -> None:
        """Make that so. One process at a time may do this for a space."""

    def rank(
        self,
        space: str,
        segments: Sequence[LiveSegment],
        query: np.ndarray,
        *,
        top: int,
        allowed: np.ndarray | None = None,
    ) -> Ranking:
        """Rank the rows that it holds, as `exact.rank` does."""

    def drop_others(self, spaces: Collection[str]) -> None:
        """Let go of what is held for any space that is not one of `spaces`."""


class Local:
    """Ranks the segments as they are, through their memory maps: there is nothing to keep up."""

    def check(self) -> None:
        return

    def holds(self, space: str, segments: Sequence[LiveSegment]) -> bool:
        return True

    def catch_up(self, space: str, segments: Sequence[LiveSegment]) -> None:
        return

    def rank(
        self,
        space: str,
        segments: Sequence[LiveSegment],
        query: np.ndarray,
        *,
        top: int,
        allowed: np.ndarray | None = None,
    ) -> Ranking:
        return exact.rank(segments, query, top=top, allowed=allowed)

    def drop_others(self, spaces: Collection[str]) -> None:
        return


def engine_at(url: str | None) -> Engine:
    """The engine of a Milvus server's URL, or the local one. Nothing is asked of the server yet."""
    if url is None:
        return Local()
    from catalog.vectors.milvus import Milvus  # brings in pandas and a hundred megabytes

    return Milvus(url)
