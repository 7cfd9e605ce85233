"""The entries of an archive."""

from collections.abc import Callable
from dataclasses import dataclass, field

from catalog.exceptions import ImageSearchError
from catalog.imaging.archives import detection, entry_checks


@dataclass(frozen=True)
class Entry:
    """One file in an archive.

    Attributes:
        name: its path in the archive, safe to store and display.
        error: why the entry is rejected; None if it can be read.
    """

    name: str
    error: ImageSearchError | None
    _read_bytes: Callable[[], bytes] = field(repr=False)

    def read(self) -> bytes:
        """Return the bytes of the entry. Call this before advancing the iterator to the next entry.

        Raises:
            ImageSearchError: the entry is rejected, or turned out to be invalid when it was unpacked.
        """
        if self.error:
            raise self.error
        data = self._read_bytes()
        if detection.detect_format(data[: detection.HEADER_BYTES]):
            raise entry_checks.nested_archive_error(self.name)
        return data
