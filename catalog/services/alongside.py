"""Describing pictures while an import takes them in, from the pixels that it has decoded for their thumbnails."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from catalog.exceptions import ImageSearchError
from catalog.features.extractors import Extractor, Prepared
from catalog.models import Image
from catalog.services import indexing, spaces
from catalog.services.indexing import Describer, SpaceChanged, Tally

logger = logging.getLogger(__name__)


class Alongside:
    """Describes what an import takes in, for as long as that goes well. It never stops the import: images that it
    leaves behind stay pending, and `indexing.index_pending` describes them or says why it cannot.

    A context: what it has in hand is committed at its end, or let go of where the import was stopped.
    """

    def __init__(self, progress: Callable[[int], None] = lambda done: None) -> None:
        self._tally = Tally(progress=progress)
        self._open = ExitStack()
        self._describer: Describer | None = None
        self._given_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is not None:
            self._open.__exit__(kind, fault, trace)
            return
        with self._open:  # whatever ends the last of it, claims are let go of
            if self._describer:
                with self._going_on():
                    self._describer.finish()

    def extractor(self) -> Extractor | None:
        """Whose input pictures are to be prepared as; None where none are described."""
        if self._describer is None and not self._given_up:
            with self._going_on():
                describing = indexing.describing(spaces.active_or_first(), self._tally)
                self._describer = self._open.enter_context(describing)
        return self._describer.extractor if self._describer else None

    def claimed_at_birth(self) -> dict[str, Any]:
        """What new images are inserted with that are to be given to `take`."""
        return self._describer.claimed_at_birth() if self._describer else {}

    def take(self, images: list[Image], prepared: Mapping[str, Prepared], extractor: Extractor | None) -> None:
        """Begin to describe new images.

        Args:
            prepared: by digest, what `extractor` made of them.
        """
        if self._describer and images:
            with self._going_on():
                # After a rebuild in another space, what was prepared for the old one is of no use.
                self._describer.take(images, prepared if extractor is self._describer.extractor else None)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Let a fault end the describing, and not the import."""
        try:
            yield
        except SpaceChanged as fault:
            self._leave(fault)  # the next handful is described in the new one
        except ImageSearchError as fault:
            logger.error("%s", fault)
            self._given_up = True
            self._leave(fault)

    def _leave(self, fault: Exception) -> None:
        self._describer = None
        self._open.__exit__(type(fault), fault, fault.__traceback__)
