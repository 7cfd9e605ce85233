"""A file put together from parts of another one, without a copy of it."""

import io
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import IO, TYPE_CHECKING

from catalog.exceptions import MetadataNotRemovable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# More parts than any camera or program writes. Each takes about 100 bytes of memory.
MAX_PARTS = 100_000
FILLER_BYTES = 65_536


class Steps:
    """Limits how many segments, chunks or blocks of a file are looked at, so that no file takes long."""

    def __init__(self, limit: int = MAX_PARTS) -> None:
        self._left = limit

    def take(self) -> None:
        """Count one. Raises MetadataNotRemovable beyond the limit."""
        self._left -= 1
        if self._left < 0:
            raise MetadataNotRemovable()


@dataclass(frozen=True)
class Filler:
    """Zeros in the place of `length` bytes, so that what follows keeps its position."""

    length: int

    def __len__(self) -> int:
        return self.length


# Bytes that are inserted, a range of positions of the source, or zeros.
Part = bytes | range | Filler


class PartList:
    """The parts of a file, in order. Adjacent ranges become one."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def keep(self, start: int, stop: int) -> None:
        """Append the bytes `start` to `stop` of the source."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, range) and last.stop == start:
            self.parts[-1] = range(last.start, stop)
        elif stop > start:
            self.append(range(start, stop))

    def append(self, part: Part) -> None:
        """Append a part. Raises MetadataNotRemovable beyond `MAX_PARTS`."""
        if len(self.parts) >= MAX_PARTS:
            raise MetadataNotRemovable()
        if len(part):
            self.parts.append(part)

    def extend(self, other: "PartList") -> None:
        """Append the parts of another list. Raises MetadataNotRemovable beyond `MAX_PARTS`."""
        for part in other.parts:
            self.append(part)

    def __len__(self) -> int:
        """The size of the file in bytes."""
        return sum(map(len, self.parts))


class PartsReader(io.RawIOBase):
    """Reads the parts as one file, which can be positioned. Closing it closes the source.

    Args:
        source: the file that the ranges refer to; it can be positioned.
    """

    def __init__(self, source: "IO[bytes] | PartsReader", parts: list[Part]) -> None:
        self._source = source
        self._parts = parts
        self._starts = [0, *accumulate(map(len, parts))]
        self._position = 0

    @property
    def length(self) -> int:
        """The size of the file in bytes."""
        return self._starts[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self.length:
            return 0
        number = bisect_right(self._starts, self._position) - 1
        offset = self._position - self._starts[number]
        data = self._read_part(self._parts[number], offset, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _read_part(self, part: Part, offset: int, size: int) -> bytes:
        if isinstance(part, range):
            self._source.seek(part.start + offset)
            return self._source.read(min(size, len(part) - offset)) or b""
        if isinstance(part, Filler):
            return bytes(min(size, part.length - offset, FILLER_BYTES))
        return part[offset : offset + size]
