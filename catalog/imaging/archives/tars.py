"""TAR archives, plain or packed (POSIX.1-2001, pax)."""

import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from gzip import GzipFile
from lzma import LZMAError, LZMAFile
from typing import IO, cast

from catalog.exceptions import ImageSearchError
from catalog.imaging.archives import entries as rules
from catalog.imaging.archives import kinds
from catalog.imaging.archives.entries import ArchiveLimits, Entry
from catalog.imaging.limits import Limits
from catalog.imaging.names import display_name

PIECE = 64 * 1024

# What a lying or damaged archive makes tarfile and the decompressors raise.
FAULTS = (
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    OverflowError,
    RecursionError,
    ValueError,
)


class Sipped:
    """A file that is read in small pieces only.

    tarfile reads a header's extended attributes at one go, however long they claim to be; packed zeros
    make that a bomb.
    """

    def __init__(self, file: IO[bytes] | GzipFile | LZMAFile) -> None:
        self.file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= PIECE:
            raise tarfile.ReadError("a header of more than 64 KiB")
        return self.file.read(size)


def entries(file: IO[bytes], limits: ArchiveLimits, picture_limits: Limits) -> Iterator[Entry]:
    length = file.seek(0, 2)
    file.seek(0)
    content = kinds.unpacked(file)
    try:
        archive = tarfile.TarFile(fileobj=Sipped(content))  # type: ignore[arg-type]
        members = list(_members(archive, length, limits))
    except FAULTS:
        raise rules.broken_archive() from None
    if content is file:
        members.sort(key=lambda member: member.name)
    for member in members:
        if not member.isdir() and not rules.is_passed_over(member.name):
            name = display_name(member.name)
            refusal = (
                rules.refusal_by_name(member.name, name)
                or _refusal_by_kind(member, name)
                or rules.refusal_by_size(name, member.size, picture_limits)
            )
            yield Entry(name, refusal, partial(_unpack, archive, member, name))


def _members(archive: tarfile.TarFile, length: int, limits: ArchiveLimits) -> Iterator[tarfile.TarInfo]:
    """Every header, checked before tarfile passes on to the next one, which unpacks what lies between."""
    for count, member in enumerate(archive, start=1):
        rules.check_count(count, limits)
        rules.check_total(archive.offset, length, limits)
        member.pax_headers = {}  # tarfile keeps every member, and nobody asks for these
        yield member
    _check_end(archive, length, limits)


def _check_end(archive: tarfile.TarFile, length: int, limits: ArchiveLimits) -> None:
    """tarfile takes a header it cannot read for the end; a real one is a block of zeros, or nothing.

    Reading on to the last byte has the decompressor compare its checksum.
    """
    content = cast(Sipped, archive.fileobj)
    content.seek(archive.offset)
    if content.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("a broken header")
    while content.read(PIECE):
        rules.check_total(content.tell(), length, limits)


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    try:
        packed = archive.extractfile(member)
        data = b"".join(iter(partial(packed.read, PIECE), b"")) if packed else b""
    except FAULTS:
        raise rules.damaged(name) from None
    if len(data) != member.size:
        raise rules.damaged(name)
    return data


def _refusal_by_kind(member: tarfile.TarInfo, name: str) -> ImageSearchError | None:
    return None if member.isreg() and not member.issparse() else rules.special(name)
