"""TIFF files (TIFF 6.0, and BigTIFF) without metadata.

Positions in a TIFF are absolute, so the file keeps its size: the directories are written again with the tags that are
needed to show the pictures, and everything that these do not refer to becomes zeros.
"""

import struct
from typing import IO, NamedTuple

from catalog.exceptions import MetadataNotRemovable
from catalog.imaging.metadata.parts import MAX_PARTS, Filler, PartList

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # of the types that positions and lengths have
COMPRESSION, OLD_JPEG = 259, 6
# Where strips and tiles lie: the tag of their positions, and that of their lengths.
DATA_TAGS = {273: 279, 324: 325}
KEPT_TAGS = {
    *(254, 255, 256, 257, 258, COMPRESSION, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284),
    *(290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340),
    *(341, 347, 529, 530, 531, 532, 34675),
}
MAX_DIRECTORIES, MAX_ENTRIES = 1000, 512


class Layout(NamedTuple):
    """Byte order and sizes, as for `struct`: of the number of entries, of an entry, and of a position."""

    order: str
    number: str
    entry: str
    offset: str

    @property
    def inline_bytes(self) -> int:
        return struct.calcsize(self.offset)


class Entry(NamedTuple):
    """A tag of a directory. `value`: its values, or their position if they are longer."""

    tag: int
    kind: int
    values: int
    value: bytes

    @property
    def length(self) -> int:
        return TYPE_BYTES.get(self.kind, MAX_PARTS) * self.values


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a TIFF file without metadata, except orientation and colour profile.

    Raises:
        MetadataNotRemovable: the file is compressed as JPEG in the way before TIFF Technical Note 2, has more
            directories, tags or strips than it may, or refers to places after its end.
    """
    return _Directories(file, size).parts()


class _Directories:
    """The directories of a file: what they are replaced by, and what they refer to."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size
        header = self._read(0, 16)
        order = "<" if header.startswith(b"II") else ">"
        self._is_big = header[2:4] in (b"+\0", b"\0+")
        self._layout = Layout(order, "Q", "HHQ8s", "Q") if self._is_big else Layout(order, "H", "HHI4s", "I")
        self._replaced: dict[int, bytes] = {}
        self._kept: list[range] = [range(16 if self._is_big else 8)]
        position = self._unpack("Q" if self._is_big else "I", header[8:16] if self._is_big else header[4:8])
        while position and position not in self._replaced:
            if len(self._replaced) >= MAX_DIRECTORIES:
                raise MetadataNotRemovable()
            position = self._read_directory(position)

    def parts(self) -> PartList:
        """Return the file with the directories replaced, and zeros between what is kept."""
        # A replaced directory and a range that is kept may not overlap.
        pieces = [(kept.start, kept.stop, b"") for kept in self._kept]
        pieces += [(start, start + len(data), data) for start, data in self._replaced.items()]
        parts, position = PartList(), 0
        for start, stop, data in sorted(pieces):
            if (data and start < position) or start > self._size:
                raise MetadataNotRemovable()
            parts.append(Filler(max(0, start - position)))
            if data:
                parts.append(data)
            else:
                parts.keep(max(start, position), min(stop, self._size))
            position = max(position, stop)
        parts.append(Filler(max(0, self._size - position)))
        return parts

    def _read_directory(self, position: int) -> int:
        """Decide on one directory, and return the position of the next one; 0 after the last."""
        order, number, entry, offset = self._layout
        count_length, entry_length = struct.calcsize(order + number), struct.calcsize(order + entry)
        entry_count = self._unpack(number, self._read(position, count_length))
        if entry_count > MAX_ENTRIES:
            raise MetadataNotRemovable()
        data = self._read(position + count_length, entry_count * entry_length + self._layout.inline_bytes)
        following = data[entry_count * entry_length :]
        entries = [Entry(*fields) for fields in struct.iter_unpack(order + entry, data[: entry_count * entry_length])]
        kept = [one for one in entries if one.tag in KEPT_TAGS and one.kind in TYPE_BYTES]
        packed = b"".join(struct.pack(order + entry, *one) for one in kept)
        replacement = struct.pack(order + number, len(kept)) + packed + following
        self._replaced[position] = replacement.ljust(count_length + len(data), b"\0")
        self._keep_values(kept)
        return self._unpack(offset, following)

    def _keep_values(self, entries: list[Entry]) -> None:
        by_tag = {entry.tag: entry for entry in entries}
        if COMPRESSION in by_tag and self._numbers(by_tag[COMPRESSION])[0] == OLD_JPEG:
            raise MetadataNotRemovable()  # has no tags of its own for what it refers to
        for entry in entries:
            if entry.length > self._layout.inline_bytes:
                start = self._unpack(self._layout.offset, entry.value)
                self._kept.append(range(start, start + entry.length))
        if len(self._kept) > MAX_PARTS:  # directories may share their strips
            raise MetadataNotRemovable()
        for position_tag, length_tag in DATA_TAGS.items():
            if position_tag in by_tag:
                starts, lengths = self._numbers(by_tag[position_tag]), self._numbers(by_tag[length_tag])
                self._kept += [range(start, start + length) for start, length in zip(starts, lengths, strict=True)]

    def _numbers(self, entry: Entry) -> tuple[int, ...]:
        if entry.values > MAX_PARTS:
            raise MetadataNotRemovable()
        start = self._unpack(self._layout.offset, entry.value)
        is_inline = entry.length <= self._layout.inline_bytes
        data = entry.value[: entry.length] if is_inline else self._read(start, entry.length)
        return struct.unpack(f"{self._layout.order}{entry.values}{FORMATS[entry.kind]}", data)

    def _unpack(self, number: str, data: bytes) -> int:
        return struct.unpack(self._layout.order + number, data)[0]

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(length)
