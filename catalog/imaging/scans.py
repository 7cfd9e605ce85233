"""The number of scans of a JPEG (ITU-T T.81, B.1.1 and B.2).

Each scan of a progressive JPEG goes through the whole picture again. Cameras and programs write about ten; thousands
fit into a small file that takes minutes to decode.
"""

import re

from catalog.exceptions import PictureRejected

MAX_SCANS = 100
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
# Not the zero after each byte FF of the compressed data, restart markers, or fill bytes.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
MARKERS_WITHOUT_LENGTH = {0x01, 0xD8}


def check_scans(count: int) -> None:
    """Raise PictureRejected if a JPEG has more than MAX_SCANS scans."""
    if count > MAX_SCANS:
        raise PictureRejected(
            "too_many_scans",
            "This JPEG file has more than {max_scans} scans, which take too long to decode. Save it as a normal JPEG.",
            max_scans=MAX_SCANS,
        )


def count_scans(data: bytes) -> int:
    """Return the number of scans of a JPEG, without those of embedded thumbnails. Nothing is decoded."""
    count, position = 0, 0
    while match := MARKER.search(data, position):
        marker, position = match[1][0], match.end()
        if marker == END_OF_IMAGE:
            break
        if marker not in MARKERS_WITHOUT_LENGTH:
            count += marker == START_OF_SCAN
            position += int.from_bytes(data[position : position + 2], "big")
    return count
