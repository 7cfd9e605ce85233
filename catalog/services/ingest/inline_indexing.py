"""Indexing during an import, from the pixels that were decoded for the thumbnails."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from catalog.exceptions import ImageSearchError
from catalog.features.extractors import Extractor, PreparedPicture
from catalog.models import Image
from catalog.services.index import extraction, spaces
from catalog.services.index.extraction import BatchIndexer, IndexingStats, SpaceChanged
from catalog.services.jobs.leases import Lease

logger = logging.getLogger(__name__)


class InlineIndexer:
    """Indexes the images that an import adds. Errors do not stop the import.

    After an error the images stay pending; `extraction.index_pending` indexes them later or raises the error.

    A context manager. It commits the submitted images at the end, or releases them if the import raises an exception.
    """

    def __init__(self, progress: Callable[[int], None] = lambda done: None) -> None:
        self._stats = IndexingStats(progress=progress)
        self._exit_stack = ExitStack()
        self._batch_indexer: BatchIndexer | None = None
        self._disabled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._exit_stack.__exit__(exc_type, error, traceback)
            return
        with self._exit_stack:  # releases the leases whatever the last batch raises
            if self._batch_indexer:
                with self._keep_import_running():
                    self._batch_indexer.flush()

    def extractor(self) -> Extractor | None:
        """The extractor to prepare network inputs for; None if indexing is not possible."""
        if self._batch_indexer is None and not self._disabled:
            with self._keep_import_running():
                context = extraction.batch_indexer(spaces.get_or_create_active_space(), self._stats)
                self._batch_indexer = self._exit_stack.enter_context(context)
        return self._batch_indexer.extractor if self._batch_indexer else None

    def new_lease(self) -> Lease | None:
        """The lease to insert new images with, for `submit`; None if indexing is not possible."""
        return self._batch_indexer.new_lease() if self._batch_indexer else None

    def submit(self, images: list[Image], prepared: Mapping[str, PreparedPicture], extractor: Extractor | None) -> None:
        """Start to index new images.

        Args:
            prepared: network inputs by digest.
            extractor: the extractor that they were prepared for.
        """
        if self._batch_indexer and images:
            with self._keep_import_running():
                # If a rebuild has activated another space, the inputs cannot be used.
                self._batch_indexer.submit(images, prepared if extractor is self._batch_indexer.extractor else None)

    @contextmanager
    def _keep_import_running(self) -> Iterator[None]:
        """Catch errors of the indexing, so that they do not stop the import."""
        try:
            yield
        except SpaceChanged as error:
            self._close(error)  # the next batch is indexed in the new space
        except ImageSearchError as error:
            logger.error("%s", error)
            self._disabled = True
            self._close(error)

    def _close(self, error: Exception) -> None:
        self._batch_indexer = None
        self._exit_stack.__exit__(type(error), error, error.__traceback__)
