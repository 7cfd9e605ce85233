"""HEIC and AVIF pictures (ISO/IEC 23008-12) without Exif, XMP and further data.

Positions in these files are absolute, so the metadata are overwritten in their places. Orientation is a property of the
picture there; that of Exif is kept, since some programs read it.
"""

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from catalog.exceptions import MetadataNotRemovable
from catalog.imaging.metadata.exif import MAX_EXIF_BYTES, minimal_exif, orientation_of
from catalog.imaging.metadata.parts import MAX_PARTS, Filler, PartList, Steps

# Other boxes of the file, such as the films of some phones, become zeros.
KEPT_BOXES = {b"ftyp", b"meta", b"mdat"}
MAX_META_BYTES = 1 << 22
# The construction methods of items that lie in the file, and in the box `idat`. Others lie in other items.
IN_FILE, IN_IDAT = 0, 1
EXIF, TEXT = b"Exif", b"mime"


class Box(NamedTuple):
    """A box: its type, where its content begins, and where it ends."""

    kind: bytes
    start: int
    stop: int


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a HEIC or AVIF picture without metadata, except orientation and colour profile.

    Raises:
        MetadataNotRemovable: the file is an animation, its boxes do not fit together, or it does not say where its
            metadata are.
    """
    return _overwrite(file, size, _find_patches(file, size))


def _overwrite(file: IO[bytes], size: int, patches: list[tuple[range, bytes]]) -> PartList:
    """Return the parts of the file with `patches`, each filled up with zeros."""
    parts, position = PartList(), 0
    for place, data in sorted(patches, key=lambda patch: patch[0].start):
        if place.start < position or place.stop > size:
            raise MetadataNotRemovable()
        parts.keep(position, place.start)
        parts.append(data)
        parts.append(Filler(len(place) - len(data)))
        position = place.stop
    parts.keep(position, size)
    return parts


def _find_patches(file: IO[bytes], size: int) -> list[tuple[range, bytes]]:
    boxes = list(_file_boxes(file, size))
    if any(box.kind == b"moov" for box in boxes):
        raise MetadataNotRemovable()  # an animation has metadata in more places
    patches = [(range(box.start, box.stop), b"") for box in boxes if box.kind not in KEPT_BOXES]
    for meta_box in (box for box in boxes if box.kind == b"meta"):
        if meta_box.stop - meta_box.start > MAX_META_BYTES:
            raise MetadataNotRemovable()
        file.seek(meta_box.start)
        for kind, places in _find_metadata(file.read(meta_box.stop - meta_box.start), meta_box.start):
            patches += _item_patches(file, kind, places)
    return patches


def _item_patches(file: IO[bytes], kind: bytes, places: list[range]) -> list[tuple[range, bytes]]:
    """Return what overwrites an item: an Exif block with the orientation alone, or nothing but zeros."""
    exif = b""
    if kind == EXIF and places:
        file.seek(places[0].start)
        data = file.read(min(len(places[0]), MAX_EXIF_BYTES))
        header_length = 4 + int.from_bytes(data[:4], "big")
        exif = bytes(4) + minimal_exif(orientation_of(data[header_length:]))
    return [(place, exif if number == 0 and len(exif) <= len(place) else b"") for number, place in enumerate(places)]


def _file_boxes(file: IO[bytes], size: int) -> Iterator[Box]:
    position = 0
    for _ in range(MAX_PARTS):
        if position + 8 > size:
            return
        file.seek(position)
        box = _box(file.read(16), 0, size - position)
        yield Box(box.kind, position + box.start, position + box.stop)
        position += box.stop
    raise MetadataNotRemovable()


def _box(data: bytes, position: int, stop: int) -> Box:
    """Return the box at `position` of `data`, which ends at `stop` at the latest."""
    length, kind = struct.unpack_from(">I4s", data, position)
    header_length = 8
    if length == 1:
        length, header_length = struct.unpack_from(">Q", data, position + 8)[0], 16
    elif length == 0:
        length = stop - position
    if not header_length <= length <= stop - position:
        raise MetadataNotRemovable()
    return Box(kind, position + header_length, position + length)


def _boxes(data: bytes, start: int, stop: int) -> Iterator[Box]:
    while start + 8 <= stop:
        box = _box(data, start, stop)
        yield box
        start = box.stop


def _find_metadata(meta: bytes, offset: int) -> Iterator[tuple[bytes, list[range]]]:
    """Yield kind and positions in the file of each item with metadata. `offset`: the position of `meta` in the file."""
    boxes = {box.kind: box for box in _boxes(meta, 4, len(meta))}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    kinds = dict(_item_kinds(meta, boxes[b"iinf"]))
    idat_start = offset + boxes[b"idat"].start if b"idat" in boxes else 0
    for item, method, places in _item_places(meta, boxes[b"iloc"].start):
        if kinds.get(item) in (EXIF, TEXT):
            if method not in (IN_FILE, IN_IDAT) or not all(places):  # an empty place stands for all that follows
                raise MetadataNotRemovable()
            start = idat_start if method == IN_IDAT else 0
            yield kinds[item], [range(start + place.start, start + place.stop) for place in places]


def _item_kinds(meta: bytes, box: Box) -> Iterator[tuple[int, bytes]]:
    start = box.start + (6 if meta[box.start] == 0 else 8)
    for entry in _boxes(meta, start, box.stop):
        number = ">IH4s" if meta[entry.start] >= 3 else ">HH4s"
        item, _, kind = struct.unpack_from(number, meta, entry.start + 4)
        yield item, kind


def _item_places(meta: bytes, position: int) -> Iterator[tuple[int, int, list[range]]]:
    """Yield the id, the construction method and the extents of each item in the box `iloc`."""
    version, sizes = meta[position], int.from_bytes(meta[position + 4 : position + 6], "big")
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    reader, steps = _Reader(meta, position + 6), Steps()
    for _ in range(reader.number(4 if version == 2 else 2)):
        steps.take()
        item = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)  # the data reference
        base, places = reader.number(base_size), []
        for _ in range(reader.number(2)):
            steps.take()
            reader.number(index_size if version else 0)
            start = base + reader.number(offset_size)
            places.append(range(start, start + reader.number(length_size)))
        yield item, method, places


class _Reader:
    """Reads consecutive unsigned numbers, most significant byte first."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def number(self, length: int) -> int:
        if self._position + length > len(self._data):
            raise MetadataNotRemovable()
        value = int.from_bytes(self._data[self._position : self._position + length], "big")
        self._position += length
        return value
