"""TAR archives, plain or compressed (POSIX.1-2001, pax)."""

import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from gzip import GzipFile
from io import BufferedReader
from lzma import LZMAError
from typing import IO, cast

from catalog.exceptions import ImageSearchError
from catalog.imaging.archives import detection, entry_checks, xz
from catalog.imaging.archives.entries import Entry
from catalog.imaging.filenames import sanitise_filename
from catalog.imaging.limits import ArchiveLimits, PictureLimits

CHUNK_BYTES = 64 * 1024

# Raised by tarfile and the decompressors for damaged or malicious archives.
READ_ERRORS = (
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    OverflowError,
    RecursionError,
    ValueError,
)


class BoundedReader:
    """A file that is read in small chunks only.

    tarfile reads the extended attributes of a header at once, whatever length they declare. With compressed zeros
    that would be a bomb.
    """

    def __init__(self, file: IO[bytes] | GzipFile | BufferedReader) -> None:
        self.file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK_BYTES:
            raise tarfile.ReadError("header larger than 64 KiB")
        return self.file.read(size)


def iter_entries(file: IO[bytes], limits: ArchiveLimits, picture_limits: PictureLimits) -> Iterator[Entry]:
    """Yield the files of a TAR; see `reading.iter_entries`."""
    length = file.seek(0, 2)
    file.seek(0)
    content = detection.open_decompressed(file)
    try:
        archive = tarfile.TarFile(fileobj=BoundedReader(content))  # type: ignore[arg-type]  # a reader, not a whole file
        members = list(_checked_members(archive, length, limits))
    except xz.MemoryLimitExceeded:
        raise entry_checks.unpacking_memory_error(xz.MAX_MEMORY_BYTES) from None
    except READ_ERRORS:
        raise entry_checks.damaged_archive_error() from None
    if content is file:
        members.sort(key=lambda member: member.name)
    for member in members:
        if not member.isdir() and not entry_checks.is_ignored(member.name):
            name = sanitise_filename(member.name)
            error = (
                entry_checks.name_error(member.name, name)
                or _file_type_error(member, name)
                or entry_checks.size_error(name, member.size, picture_limits)
            )
            yield Entry(name, error, partial(_read_member, archive, member, name))


def _checked_members(archive: tarfile.TarFile, length: int, limits: ArchiveLimits) -> Iterator[tarfile.TarInfo]:
    """Yield each header, checked before tarfile advances to the next one and unpacks everything in between."""
    for count, member in enumerate(archive, start=1):
        entry_checks.check_entry_count(count, limits)
        entry_checks.check_total_size(archive.offset, length, limits)
        member.pax_headers = {}  # never used, and tarfile keeps every member in memory
        yield member
    _check_end(archive, length, limits)


def _check_end(archive: tarfile.TarFile, length: int, limits: ArchiveLimits) -> None:
    """Check that the archive ends with a block of zeros or the end of the file.

    tarfile takes any invalid header for the end of the archive. Reading up to the last byte makes the decompressor
    verify its checksum.
    """
    content = cast(BoundedReader, archive.fileobj)
    content.seek(archive.offset)
    if content.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("invalid header")
    while content.read(CHUNK_BYTES):
        entry_checks.check_total_size(content.tell(), length, limits)


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    try:
        reader = archive.extractfile(member)
        data = b"".join(iter(partial(reader.read, CHUNK_BYTES), b"")) if reader else b""
    except READ_ERRORS:
        raise entry_checks.damaged_entry_error(name) from None
    if len(data) != member.size:
        raise entry_checks.damaged_entry_error(name)
    return data


def _file_type_error(member: tarfile.TarInfo, name: str) -> ImageSearchError | None:
    return None if member.isreg() and not member.issparse() else entry_checks.special_file_error(name)
