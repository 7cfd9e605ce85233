"""PNG files (W3C PNG, third edition) without texts, times, Exif and unknown chunks."""

import struct
import zlib
from typing import IO

from catalog.imaging.metadata.exif import MAX_EXIF_BYTES, minimal_exif, orientation_of
from catalog.imaging.metadata.parts import PartList, Steps

SIGNATURE_LENGTH = 8
# What determines the picture: pixels, colours, transparency, aspect of the pixels, animation.
KEPT_CHUNKS = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"),
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"pHYs"),
}


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a PNG file without metadata, except orientation and what determines colours."""
    parts, steps = PartList(), Steps()
    parts.keep(0, SIGNATURE_LENGTH)
    position = SIGNATURE_LENGTH
    while position + 8 <= size:
        steps.take()
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        stop = min(size, position + 12 + length)
        if kind in KEPT_CHUNKS:
            parts.keep(position, stop)
        elif kind == b"eXIf" and (orientation := orientation_of(file.read(min(length, MAX_EXIF_BYTES)))) != 1:
            parts.append(_chunk(b"eXIf", minimal_exif(orientation)))
        if kind == b"IEND":
            break
        position = stop
    return parts


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
