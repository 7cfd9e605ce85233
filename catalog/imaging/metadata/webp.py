"""WebP files (RFC 9649) without Exif, XMP and unknown chunks."""

import struct
from typing import IO

from catalog.exceptions import MetadataNotRemovable
from catalog.imaging.metadata.exif import MAX_EXIF_BYTES, minimal_exif, orientation_of
from catalog.imaging.metadata.parts import PartList, Steps

HEADER_LENGTH = 12
KEPT_CHUNKS = {b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
# Chunks inside a frame of an animation. Position, size and duration of the frame come before them.
KEPT_FRAME_CHUNKS, FRAME_HEADER_LENGTH = {b"ALPH", b"VP8 ", b"VP8L"}, 16
# Of chunks that have no place for anything else: without their header.
CHUNK_LENGTHS = {b"VP8X": 10, b"ANIM": 6}
EXIF_FLAG, XMP_FLAG = 0x08, 0x04


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a WebP file without metadata, except orientation and colour profile.

    Raises:
        MetadataNotRemovable: a chunk has not the length of its kind, or there are more chunks than there may be.
    """
    file.seek(4)
    steps = Steps()
    chunks = _list_chunks(file, HEADER_LENGTH, min(size, 8 + int.from_bytes(file.read(4), "little")), steps)
    exif = next((_exif_chunk(file, chunk) for chunk in chunks if chunk[0] == b"EXIF"), b"")
    body = PartList()
    for kind, chunk in chunks:
        if len(chunk) != 8 + CHUNK_LENGTHS.get(kind, len(chunk) - 8):
            raise MetadataNotRemovable()
        if kind == b"VP8X":
            body.append(_features_chunk(file, chunk, bool(exif)))
        elif kind == b"ANMF":
            body.extend(_frame_parts(file, chunk, steps))
        elif kind in KEPT_CHUNKS:
            body.keep(chunk.start, chunk.stop)
    body.append(exif)
    parts = PartList()
    parts.append(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP")
    parts.extend(body)
    return parts


def _list_chunks(file: IO[bytes], position: int, stop: int, steps: Steps) -> list[tuple[bytes, range]]:
    """Return the name and the position, with header and padding, of each chunk."""
    chunks = []
    while position + 8 <= stop:
        steps.take()
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        chunk = range(position, min(stop, position + 8 + length + length % 2))
        chunks.append((kind, chunk))
        position = chunk.stop
    return chunks


def _frame_parts(file: IO[bytes], chunk: range, steps: Steps) -> PartList:
    """Return a frame of an animation without unknown chunks."""
    data, start = PartList(), chunk.start + 8
    data.keep(start, min(start + FRAME_HEADER_LENGTH, chunk.stop))
    for kind, inner in _list_chunks(file, start + FRAME_HEADER_LENGTH, chunk.stop, steps):
        if kind in KEPT_FRAME_CHUNKS:
            data.keep(inner.start, inner.stop)
    frame = PartList()
    frame.append(b"ANMF" + struct.pack("<I", len(data)))
    frame.extend(data)
    return frame


def _features_chunk(file: IO[bytes], chunk: range, has_exif: bool) -> bytes:
    """Return the VP8X chunk with the flags of the metadata that are left."""
    file.seek(chunk.start)
    data = bytearray(file.read(len(chunk)))
    data[8] = data[8] & ~(EXIF_FLAG | XMP_FLAG) | (EXIF_FLAG if has_exif else 0)
    return bytes(data)


def _exif_chunk(file: IO[bytes], chunk: tuple[bytes, range]) -> bytes:
    """Return a chunk with the orientation alone; nothing if the picture is upright."""
    file.seek(chunk[1].start + 8)
    orientation = orientation_of(file.read(min(len(chunk[1]) - 8, MAX_EXIF_BYTES)))
    if orientation == 1:
        return b""
    data = minimal_exif(orientation)
    return b"EXIF" + struct.pack("<I", len(data)) + data
