"""Which archive a file is, told from its first bytes."""

import gzip
import lzma
import tarfile
from collections.abc import Callable
from io import BytesIO
from typing import IO, Literal

Kind = Literal["zip", "tar"]

HEAD = 64 * 1024  # enough for the first block of a packed TAR
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

UNPACKERS: dict[bytes, Callable[[IO[bytes]], gzip.GzipFile | lzma.LZMAFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


def unpacked(file: IO[bytes]) -> IO[bytes] | gzip.GzipFile | lzma.LZMAFile:
    """`file` as it is, or through the decompressor that its first bytes name; both can seek."""
    head = file.read(6)
    file.seek(0)
    for signature, unpacker in UNPACKERS.items():
        if head.startswith(signature):
            return unpacker(file)
    return file


def kind_of(head: bytes) -> Kind | None:
    """The kind of archive that begins with `head`, the first `HEAD` bytes of it."""
    if head.startswith(ZIP_SIGNATURES):
        return "zip"
    try:
        # Checks the header's checksum, which is the only mark that every TAR carries.
        tarfile.TarInfo.frombuf(unpacked(BytesIO(head)).read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except Exception:
        return None
    return "tar"
