"""Reading of ZIP and TAR archives."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from catalog.exceptions import ArchiveRejected
from catalog.imaging.archives import detection, tars, zips
from catalog.imaging.archives.entries import Entry
from catalog.imaging.limits import ArchiveLimits, PictureLimits

READERS = {"zip": zips.iter_entries, "tar": tars.iter_entries}


def is_archive(path: str | Path) -> bool:
    """Return whether the content is a ZIP or a TAR, plain or compressed with gzip or xz."""
    with Path(path).open("rb") as file:
        return detection.detect_format(file.read(detection.HEADER_BYTES)) is not None


def iter_entries(
    archive: str | Path | IO[bytes], limits: ArchiveLimits, picture_limits: PictureLimits
) -> Iterator[Entry]:
    """Yield the files of an archive, sorted by name; of a compressed TAR, which is read forwards, in stored order.

    Folders, hidden files and files of operating systems are skipped. The whole archive is checked before the first
    entry is yielded. The file stays open until the iterator is exhausted or closed.

    Args:
        limits: limits of the archive.
        picture_limits: limits of each entry.

    Raises:
        ArchiveRejected: the file is not an archive, is damaged, or exceeds `limits`.
    """
    with Path(archive).open("rb") if isinstance(archive, str | Path) else nullcontext(archive) as file:
        file.seek(0)
        archive_format = detection.detect_format(file.read(detection.HEADER_BYTES))
        if archive_format is None:
            raise ArchiveRejected("This file isn't an archive. Supported: ZIP, TAR.")
        file.seek(0)
        yield from READERS[archive_format](file, limits, picture_limits)
