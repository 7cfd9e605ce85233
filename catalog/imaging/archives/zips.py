"""ZIP archives (PKWARE's APPNOTE 6.3.10)."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from catalog.exceptions import ImageSearchError, PictureRefused
from catalog.imaging.archives import entries as rules
from catalog.imaging.archives.entries import ArchiveLimits, Entry
from catalog.imaging.limits import Limits
from catalog.imaging.names import display_name

ENCRYPTED = 0x1
NAMED_IN_UTF8 = 0x800
# The others unpack without bound whatever is asked of them, and hardly any program writes them.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

# What a lying or damaged archive makes zipfile raise.
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)

END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
LONGEST_COMMENT = 0xFFFF
END_OF_DIRECTORY_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64_SIZE = 20


def entries(file: IO[bytes], limits: ArchiveLimits, picture_limits: Limits) -> Iterator[Entry]:
    try:
        _check_directory(file, limits)
        archive = zipfile.ZipFile(file)
    except FAULTS:
        raise rules.broken_archive() from None
    with archive:
        members = archive.infolist()
        rules.check_count(len(members), limits)
        found = [
            _entry(archive, member, name, limits, picture_limits)
            for member, name in sorted(((m, _name(m)) for m in members), key=lambda pair: pair[1])
            if not name.endswith(("/", "\\")) and not rules.is_passed_over(name)
        ]
        taken = sum(m.file_size for m, entry in found if not entry.refusal)
        rules.check_total(taken, file.seek(0, 2), limits)
        for _, entry in found:
            yield entry


def _entry(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    raw_name: str,
    limits: ArchiveLimits,
    picture_limits: Limits,
) -> tuple[zipfile.ZipInfo, Entry]:
    name = display_name(raw_name)
    refusal = (
        rules.refusal_by_name(raw_name, name)
        or _refusal_by_kind(member, name)
        or rules.refusal_by_size(name, member.file_size, picture_limits)
        or _refusal_by_ratio(member, name, limits)
    )
    return member, Entry(name, refusal, partial(_unpack, archive, member, name))


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    """At most `file_size` bytes, however many there really are: with more, the checksum is wrong."""
    try:
        with archive.open(member) as packed:
            data = packed.read(member.file_size + 1)
    except FAULTS:
        raise rules.damaged(name) from None
    if len(data) != member.file_size:
        raise rules.damaged(name)
    return data


def _refusal_by_kind(member: zipfile.ZipInfo, name: str) -> ImageSearchError | None:
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return rules.special(name)
    if member.flag_bits & ENCRYPTED:
        return PictureRefused("encrypted", "“{name}” is locked with a password. Pack it anew without one.", name=name)
    if member.compress_type not in METHODS:
        return PictureRefused(
            "packing_method", "“{name}” is packed in an unusual way. Pack it anew with “deflate”.", name=name
        )
    return None


def _refusal_by_ratio(member: zipfile.ZipInfo, name: str, limits: ArchiveLimits) -> ImageSearchError | None:
    if not rules.is_absurd(member.file_size, member.compress_size, limits):
        return None
    return PictureRefused(
        "absurd_ratio",
        "“{name}” unpacks to more than {max_ratio} times its length, as only a trap does. "
        "Save it in a format that packs pictures, such as PNG.",
        name=name,
        max_ratio=limits.max_ratio,
    )


def _name(member: zipfile.ZipInfo) -> str:
    """The name as it was meant: macOS writes UTF-8 without saying so, and is taken for code page 437."""
    if member.flag_bits & NAMED_IN_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _check_directory(file: IO[bytes], limits: ArchiveLimits) -> None:
    """Looks at what the archive says of its directory, before zipfile reads all of it into memory."""
    end_at = max(0, file.seek(0, 2) - END_OF_DIRECTORY.size - LONGEST_COMMENT)
    file.seek(end_at)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise rules.broken_archive()
    *_, count, directory_bytes, _, _ = END_OF_DIRECTORY.unpack_from(tail, at)
    if tail[max(0, at - LOCATOR_64_SIZE) :].startswith(b"PK\x06\x07"):
        file.seek(end_at + at - LOCATOR_64_SIZE - END_OF_DIRECTORY_64.size)
        *_, count, directory_bytes, _ = END_OF_DIRECTORY_64.unpack(file.read(END_OF_DIRECTORY_64.size))
    # The number may be a lie; a directory of a kilobyte an entry, on average, is none.
    rules.check_count(max(count, directory_bytes // 1024), limits)
