"""Reading of files compressed with xz, in bounded memory and time.

`lzma.LZMAFile` has no limit on memory, and the header of each block sets the size of the dictionary: up to 4 GB.
Nor is there a limit on the number of streams and blocks without content.
"""

import io
from lzma import FORMAT_XZ, LZMADecompressor, LZMAError
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# `xz -9`, the highest level, takes 65 MiB.
MAX_MEMORY_BYTES = 128 * 1024**2
CHUNK_BYTES = 64 * 1024
# Incompressible content grows by less than an eighth, streams and blocks without content beyond any limit.
MAX_EMPTY_BYTES = 256 * 1024


class MemoryLimitExceeded(LZMAError):
    """Unpacking takes more than MAX_MEMORY_BYTES."""


def open_xz(file: IO[bytes]) -> io.BufferedReader:
    """Return a seekable file of the unpacked content. Reading raises MemoryLimitExceeded, LZMAError, EOFError."""
    return io.BufferedReader(XzReader(file))


class XzReader(io.RawIOBase):
    """The unpacked content of an xz file: one stream or several. Seeking backwards unpacks from the start again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rewind()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset from the start or from the current position."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the length is not known")
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if target < self._position:
            self._rewind()
        while self._position < target and self._unpack(min(CHUNK_BYTES, target - self._position)):
            pass
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._unpack(len(view)) if len(view) else b""
        view[: len(data)] = data
        return len(data)

    def _rewind(self) -> None:
        self._file.seek(0)
        self._packed = b""
        self._position = 0
        self._decompressor = LZMADecompressor(FORMAT_XZ, memlimit=MAX_MEMORY_BYTES)

    def _unpack(self, size: int) -> bytes:
        """Return the next bytes, at least one and at most `size`; none at the end of the file."""
        while True:
            if self._decompressor.eof and not self._start_next_stream():
                return b""
            if self._decompressor.needs_input and not self._packed:
                self._packed = self._file.read(CHUNK_BYTES)
                if not self._packed:
                    raise EOFError("the file ends before the end of the stream")
            if self._file.tell() > self._position * 9 // 8 + MAX_EMPTY_BYTES:
                raise LZMAError("the file is much longer than its content")
            data = self._decompress(size)
            if data:
                self._position += len(data)
                return data

    def _decompress(self, size: int) -> bytes:
        packed, self._packed = self._packed, b""
        try:
            return self._decompressor.decompress(packed, size)
        except LZMAError as error:
            if "limit" in str(error):
                raise MemoryLimitExceeded(*error.args) from None
            raise

    def _start_next_stream(self) -> bool:
        """Start with the stream after the one that has ended. Streams may be padded with zeros."""
        packed = self._decompressor.unused_data.lstrip(b"\0")
        while not packed and (chunk := self._file.read(CHUNK_BYTES)):
            packed = chunk.lstrip(b"\0")
        if packed:
            self._packed = packed
            self._decompressor = LZMADecompressor(FORMAT_XZ, memlimit=MAX_MEMORY_BYTES)
        return bool(packed)
