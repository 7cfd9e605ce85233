"""Detection of archive formats from the first bytes of a file."""

import gzip
import io
import tarfile
from collections.abc import Callable
from io import BytesIO
from typing import IO, Literal

from catalog.imaging.archives import xz

ArchiveFormat = Literal["zip", "tar"]

HEADER_BYTES = 64 * 1024  # enough to unpack the first block of a compressed TAR
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

DECOMPRESSORS: dict[bytes, Callable[[IO[bytes]], gzip.GzipFile | io.BufferedReader]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"\xfd7zXZ\0": xz.open_xz,
}


def open_decompressed(file: IO[bytes]) -> IO[bytes] | gzip.GzipFile | io.BufferedReader:
    """Return `file` itself or, if it is compressed, a seekable file of the decompressed content."""
    header = file.read(6)
    file.seek(0)
    for signature, decompressor in DECOMPRESSORS.items():
        if header.startswith(signature):
            return decompressor(file)
    return file


def detect_format(header: bytes) -> ArchiveFormat | None:
    """Return the archive format; None for other files. `header` is the first `HEADER_BYTES` bytes of the file."""
    if header.startswith(ZIP_SIGNATURES):
        return "zip"
    try:
        # Verifies the checksum of the header. TAR files have no signature that all of them share.
        tarfile.TarInfo.frombuf(open_decompressed(BytesIO(header)).read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except xz.MemoryLimitExceeded:
        pass  # reading it raises the error that says so
    except Exception:
        return None
    return "tar"
