"""The one Exif tag that is needed to show a picture: its orientation (Exif 2.32, 4.6.4 A)."""

import struct

from PIL import ExifTags
from PIL.Image import Exif

from catalog.imaging.orientation import TRANSPOSES

# Formats whose Exif blocks may be larger: no more of them is read.
MAX_EXIF_BYTES = 1 << 20
SHORT = 3


def orientation_of(exif: bytes) -> int:
    """Return the orientation in an Exif block, 1 to 8; 1 if there is none or the block is damaged."""
    tags = Exif()
    try:
        tags.load(exif)
        value = tags.get(ExifTags.Base.Orientation, 1)
    except Exception:  # invalid metadata are no reason to refuse a picture
        return 1
    return value if value in TRANSPOSES else 1


def minimal_exif(orientation: int) -> bytes:
    """Return an Exif block, 26 bytes, that contains nothing but the orientation."""
    header = b"MM\0*" + struct.pack(">I", 8)
    entry = struct.pack(">HHIHH", ExifTags.Base.Orientation, SHORT, 1, orientation, 0)
    return header + struct.pack(">H", 1) + entry + struct.pack(">I", 0)
