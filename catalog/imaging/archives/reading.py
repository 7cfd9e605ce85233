"""The door to archives: which kind it is, and its entries."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from catalog.exceptions import ArchiveRefused
from catalog.imaging.archives import kinds, tars, zips
from catalog.imaging.archives.entries import ArchiveLimits, Entry
from catalog.imaging.limits import Limits

READERS = {"zip": zips.entries, "tar": tars.entries}


def is_archive(path: str | Path) -> bool:
    """Whether the file is a ZIP, or a TAR, plain or packed with gzip or xz, by its bytes."""
    with Path(path).open("rb") as file:
        return kinds.kind_of(file.read(kinds.HEAD)) is not None


def entries(archive: str | Path | IO[bytes], limits: ArchiveLimits, picture_limits: Limits) -> Iterator[Entry]:
    """The files of an archive, by name; those of a packed TAR, which only reads forwards, as they lie.

    Folders, hidden files and what operating systems leave behind are passed over. The archive is checked as
    a whole before the first entry is given. It stays open as long as the iterator does.

    Raises:
        ArchiveRefused: it is no archive, is damaged, or exceeds `limits`.
    """
    with Path(archive).open("rb") if isinstance(archive, str | Path) else nullcontext(archive) as file:
        file.seek(0)
        kind = kinds.kind_of(file.read(kinds.HEAD))
        if kind is None:
            raise ArchiveRefused("This is not an archive, whatever its name says. ZIP and TAR are taken.")
        file.seek(0)
        yield from READERS[kind](file, limits, picture_limits)
