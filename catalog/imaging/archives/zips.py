"""ZIP archives (PKWARE APPNOTE 6.3.10)."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from catalog.exceptions import ImageSearchError, PictureRejected
from catalog.imaging.archives import entry_checks
from catalog.imaging.archives.entries import Entry
from catalog.imaging.filenames import sanitise_filename
from catalog.imaging.limits import ArchiveLimits, PictureLimits

ENCRYPTED_FLAG = 0x1
UTF8_NAME_FLAG = 0x800
# zipfile cannot limit the output of the other methods while it unpacks, and they are rare.
SUPPORTED_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

# Raised by zipfile for damaged or malicious archives.
READ_ERRORS = (
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
MAX_COMMENT_BYTES = 0xFFFF
END_OF_DIRECTORY_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64_BYTES = 20


def iter_entries(file: IO[bytes], limits: ArchiveLimits, picture_limits: PictureLimits) -> Iterator[Entry]:
    """Yield the files of a ZIP; see `reading.iter_entries`."""
    try:
        _check_directory(file, limits)
        archive = zipfile.ZipFile(file)
    except READ_ERRORS:
        raise entry_checks.damaged_archive_error() from None
    with archive:
        members = archive.infolist()
        entry_checks.check_entry_count(len(members), limits)
        members_and_entries = [
            _build_entry(archive, member, name, limits, picture_limits)
            for member, name in sorted(((m, _decode_name(m)) for m in members), key=lambda pair: pair[1])
            if not name.endswith(("/", "\\")) and not entry_checks.is_ignored(name)
        ]
        unpacked_bytes = sum(m.file_size for m, entry in members_and_entries if not entry.error)
        entry_checks.check_total_size(unpacked_bytes, file.seek(0, 2), limits)
        for _, entry in members_and_entries:
            yield entry


def _build_entry(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    raw_name: str,
    limits: ArchiveLimits,
    picture_limits: PictureLimits,
) -> tuple[zipfile.ZipInfo, Entry]:
    name = sanitise_filename(raw_name)
    error = (
        entry_checks.name_error(raw_name, name)
        or _file_type_error(member, name)
        or entry_checks.size_error(name, member.file_size, picture_limits)
        or _ratio_error(member, name, limits)
    )
    return member, Entry(name, error, partial(_read_member, archive, member, name))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    """Return the bytes of an entry. Reads at most `file_size` + 1 bytes, even if the entry unpacks to more."""
    try:
        with archive.open(member) as reader:
            data = reader.read(member.file_size + 1)
    except READ_ERRORS:
        raise entry_checks.damaged_entry_error(name) from None
    if len(data) != member.file_size:
        raise entry_checks.damaged_entry_error(name)
    return data


def _file_type_error(member: zipfile.ZipInfo, name: str) -> ImageSearchError | None:
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
        return entry_checks.special_file_error(name)
    if member.flag_bits & ENCRYPTED_FLAG:
        return PictureRejected("encrypted", "“{name}” is encrypted. Create the archive without a password.", name=name)
    if member.compress_type not in SUPPORTED_METHODS:
        return PictureRejected(
            "compression_method",
            "“{name}” uses an unsupported compression method. Create the archive with “deflate”.",
            name=name,
        )
    return None


def _ratio_error(member: zipfile.ZipInfo, name: str, limits: ArchiveLimits) -> ImageSearchError | None:
    if not entry_checks.is_zip_bomb(member.file_size, member.compress_size, limits):
        return None
    return PictureRejected(
        "compression_ratio",
        "“{name}” unpacks to more than {max_ratio} times its size, so it may be a zip bomb. "
        "Save the picture in a compressed format, such as PNG.",
        name=name,
        max_ratio=limits.max_ratio,
    )


def _decode_name(member: zipfile.ZipInfo) -> str:
    """Return the name, also of archives by macOS: it writes UTF-8 without the flag, which zipfile reads as cp437."""
    if member.flag_bits & UTF8_NAME_FLAG:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _check_directory(file: IO[bytes], limits: ArchiveLimits) -> None:
    """Check the declared size of the directory, before zipfile reads all of it into memory."""
    tail_offset = max(0, file.seek(0, 2) - END_OF_DIRECTORY.size - MAX_COMMENT_BYTES)
    file.seek(tail_offset)
    tail = file.read()
    record_offset = tail.rfind(b"PK\x05\x06")
    if record_offset < 0:
        raise entry_checks.damaged_archive_error()
    *_, count, directory_bytes, _, _ = END_OF_DIRECTORY.unpack_from(tail, record_offset)
    if tail[max(0, record_offset - LOCATOR_64_BYTES) :].startswith(b"PK\x06\x07"):
        file.seek(tail_offset + record_offset - LOCATOR_64_BYTES - END_OF_DIRECTORY_64.size)
        *_, count, directory_bytes, _ = END_OF_DIRECTORY_64.unpack(file.read(END_OF_DIRECTORY_64.size))
    # The declared count may be wrong. The size cannot: entries take less than 1 KiB of the directory on average.
    entry_checks.check_entry_count(max(count, directory_bytes // 1024), limits)
