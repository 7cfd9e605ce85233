"""JPEG files (ITU-T T.81, annex B) without metadata: application segments, comments, and what follows the picture."""

import re
import struct
from typing import IO

from catalog.imaging.metadata.exif import minimal_exif, orientation_of
from catalog.imaging.metadata.parts import PartList, Steps

TEM, SOI, EOI, SOS, APP0, APP1, APP15, COM = 0x01, 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEF, 0xFE
EXIF_SIGNATURE = b"Exif\0"
JFIF_SIGNATURE = b"JFIF\0"
# Colour profile, and the colour transform of the components.
KEPT_SEGMENTS = {0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
JFIF_LENGTH = 14  # bytes of its payload, without a thumbnail
# In the compressed data, 0xFF is followed by 0 or by a restart marker; 0xFF may be repeated before a marker.
NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
SCAN_BYTES = 1 << 18


def public_parts(file: IO[bytes], size: int) -> PartList:
    """Return the parts of a JPEG file without metadata, except orientation and colour profile.

    Further pictures (MPO), films and other data after the first picture are left out.
    """
    parts, steps = PartList(), Steps()
    parts.keep(0, min(2, size))
    position, has_exif = _find_marker(file, 2, size), False
    while position < size:
        steps.take()
        marker, stop = _read_segment(file, position, size)
        following = min(size, position + 2) if marker == EOI else _find_marker(file, stop, size)
        if APP0 <= marker <= APP15 or marker == COM:
            file.seek(position + 4)
            replacement = _public_segment(marker, file.read(stop - position - 4), has_exif)
            has_exif = has_exif or (marker == APP1 and replacement != b"")
            parts.append(replacement)
        else:
            # Only the start of a scan is followed by data of the picture; decoders skip what follows other segments.
            parts.keep(position, following if marker == SOS else stop)
        if marker == EOI:
            break
        position = following
    return parts


def _public_segment(marker: int, payload: bytes, has_exif: bool) -> bytes:
    """Return what replaces an application segment or a comment: the segment, a shorter one, or nothing."""
    if marker == APP0 and payload.startswith(JFIF_SIGNATURE) and len(payload) >= JFIF_LENGTH:
        payload = payload[: JFIF_LENGTH - 2] + b"\0\0"
    elif marker == APP1 and payload.startswith(EXIF_SIGNATURE) and not has_exif:
        orientation = orientation_of(payload)
        if orientation == 1:
            return b""
        payload = b"Exif\0\0" + minimal_exif(orientation)
    elif not payload.startswith(KEPT_SEGMENTS.get(marker, b"\0none")):
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _read_segment(file: IO[bytes], position: int, size: int) -> tuple[int, int]:
    """Return the marker at `position`, and where its segment ends."""
    file.seek(position)
    data = file.read(4)
    if data[1] in (TEM, SOI, EOI):
        return data[1], min(size, position + 2)
    return data[1], min(size, position + 2 + max(2, int.from_bytes(data[2:], "big")))


def _find_marker(file: IO[bytes], position: int, size: int) -> int:
    """Return the position of the next marker from `position` on, other than restarts; `size` if there is none."""
    length = 2  # mostly, segments follow one another directly
    while position < size:
        file.seek(position)
        data = file.read(length)
        if found := NEXT_MARKER.search(data):
            return position + found.start()
        if position + len(data) >= size or not data:
            return size
        position += max(1, len(data) - 1)  # the last byte may be the first of a marker
        length = SCAN_BYTES
    return size
