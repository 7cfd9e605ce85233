"""Whether a picture that could not be decoded ends before its time.

Somebody whose upload was cut short can send it again; somebody whose file is damaged needs another copy.
"""

import struct
from collections.abc import Callable
from io import BytesIO

from PIL.TiffImagePlugin import STRIPBYTECOUNTS, STRIPOFFSETS, TILEBYTECOUNTS, TILEOFFSETS, TiffImageFile

from catalog.imaging import formats


def ends_early(data: bytes, known: formats.Format) -> bool:
    """Whether the file's own marks of its end or length say that bytes are missing."""
    return ENDS_EARLY[known](data)


def _has_no_end(mark: bytes) -> Callable[[bytes], bool]:
    return lambda data: not data.rstrip(b"\0\r\n").endswith(mark)


def _is_shorter_than(at: int, beyond: int) -> Callable[[bytes], bool]:
    return lambda data: len(data) < int.from_bytes(data[at : at + 4], "little") + beyond


def _boxes_overrun(data: bytes) -> bool:
    """Walks the outermost boxes (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 16 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        if length < 8:  # 0 means "to the end"; less is no box
            return False
        at += length
    return at != len(data)


def _strips_overrun(data: bytes) -> bool:
    try:
        tags = TiffImageFile(BytesIO(data)).tag_v2
        offsets = tags.get(STRIPOFFSETS) or tags[TILEOFFSETS]
        lengths = tags.get(STRIPBYTECOUNTS) or tags[TILEBYTECOUNTS]
        return max(map(sum, zip(offsets, lengths, strict=True))) > len(data)
    except Exception:
        # The directory of a TIFF may lie anywhere; most writers put it last.
        return int.from_bytes(data[4:8], "little" if data.startswith(b"I") else "big") + 6 > len(data)


ENDS_EARLY: dict[formats.Format, Callable[[bytes], bool]] = {
    formats.JPEG: _has_no_end(b"\xff\xd9"),
    formats.PNG: _has_no_end(b"IEND\xaeB`\x82"),
    formats.GIF: _has_no_end(b";"),
    formats.WEBP: _is_shorter_than(at=4, beyond=8),
    formats.BMP: _is_shorter_than(at=2, beyond=0),
    formats.TIFF: _strips_overrun,
    formats.AVIF: _boxes_overrun,
    formats.HEIF: _boxes_overrun,
}
