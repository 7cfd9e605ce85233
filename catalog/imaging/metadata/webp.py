"""WebP files (RFC 9649) without Exif, XMP and unknown chunks."""

import struct
from typing import IO

from catalog.imaging.metadata.exif import minimal_exif, orientation_of
from catalog.imaging.metadata.parts import PartList, Steps

HEADER_LENGTH = 12
KEPT_CHUNKS = {b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
EXIF_FLAG, XMP_FLAG = 0x08, 0x04
MAX_EXIF_BYTES = 1 << 20


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a WebP file without metadata, except orientation and colour profile."""
    chunks = _list_chunks(file, size)
    exif = next((_exif_chunk(file, chunk) for chunk in chunks if chunk[0] == b"EXIF"), b"")
    body = PartList()
    for kind, chunk in chunks:
        if kind == b"VP8X":
            body.append(_features_chunk(file, chunk, bool(exif)))
        elif kind in KEPT_CHUNKS:
            body.keep(chunk.start, chunk.stop)
    body.append(exif)
    parts = PartList()
    parts.append(b"RIFF" + struct.pack("<I", 4 + sum(map(len, body.parts))) + b"WEBP")
    parts.parts += body.parts
    return parts


def _list_chunks(file: IO[bytes], size: int) -> list[tuple[bytes, range]]:
    """Return the name and the position, with header and padding, of each chunk."""
    file.seek(4)
    stop = min(size, 8 + int.from_bytes(file.read(4), "little"))
    position, chunks, steps = HEADER_LENGTH, [], Steps()
    while position + 8 <= stop:
        steps.take()
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        chunk = range(position, min(size, position + 8 + length + length % 2))
        chunks.append((kind, chunk))
        position = chunk.stop
    return chunks


def _features_chunk(file: IO[bytes], chunk: range, has_exif: bool) -> bytes:
    """Return the VP8X chunk with the flags of the metadata that are left."""
    file.seek(chunk.start)
    data = bytearray(file.read(len(chunk)))
    if len(data) > 8:
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
