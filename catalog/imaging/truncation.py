"""Tells incomplete files from damaged ones, after decoding failed.

The two need different advice: an incomplete file can be uploaded again, a damaged file needs another copy.
"""

import struct
from collections.abc import Callable
from io import BytesIO

from PIL.TiffImagePlugin import STRIPBYTECOUNTS, STRIPOFFSETS, TILEBYTECOUNTS, TILEOFFSETS, TiffImageFile

from catalog.imaging import formats


def is_truncated(data: bytes, format_: formats.Format) -> bool:
    """Return whether bytes are missing, according to the end marker or the lengths that the format defines."""
    return TRUNCATION_CHECKS[format_](data)


def _lacks_end_marker(marker: bytes) -> Callable[[bytes], bool]:
    return lambda data: not data.rstrip(b"\0\r\n").endswith(marker)


def _is_shorter_than_declared(length_offset: int, header_bytes: int) -> Callable[[bytes], bool]:
    return lambda data: len(data) < int.from_bytes(data[length_offset : length_offset + 4], "little") + header_bytes


def _has_truncated_boxes(data: bytes) -> bool:
    """Walk the top-level boxes (ISO/IEC 14496-12, 4.2)."""
    offset = 0
    while offset + 16 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, offset + 8)
        if length < 8:  # 0 means "to the end of the file"; 1 to 7 is invalid
            return False
        offset += length
    return offset != len(data)


def _has_truncated_strips(data: bytes) -> bool:
    try:
        tags = TiffImageFile(BytesIO(data)).tag_v2
        offsets = tags.get(STRIPOFFSETS) or tags[TILEOFFSETS]
        lengths = tags.get(STRIPBYTECOUNTS) or tags[TILEBYTECOUNTS]
        return max(map(sum, zip(offsets, lengths, strict=True))) > len(data)
    except Exception:
        # The directory cannot be read. It may be anywhere in the file; most programs write it at the end.
        return int.from_bytes(data[4:8], "little" if data.startswith(b"I") else "big") + 6 > len(data)


TRUNCATION_CHECKS: dict[formats.Format, Callable[[bytes], bool]] = {
    formats.JPEG: _lacks_end_marker(b"\xff\xd9"),
    formats.PNG: _lacks_end_marker(b"IEND\xaeB`\x82"),
    formats.GIF: _lacks_end_marker(b";"),
    formats.WEBP: _is_shorter_than_declared(length_offset=4, header_bytes=8),
    formats.BMP: _is_shorter_than_declared(length_offset=2, header_bytes=0),
    formats.TIFF: _has_truncated_strips,
    formats.AVIF: _has_truncated_boxes,
    formats.HEIF: _has_truncated_boxes,
}
