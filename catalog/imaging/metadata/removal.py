"""Picture files as visitors get them: without location, camera, names and embedded previews."""

import io
import struct
from typing import IO

from catalog.exceptions import MetadataNotRemovable
from catalog.imaging.formats import AVIF, BMP, GIF, HEIF, JPEG, PNG, TIFF, WEBP
from catalog.imaging.metadata import gif, heif, jpeg, png, tiff, webp
from catalog.imaging.metadata.parts import PartList, PartsReader


def _whole_file(file: IO[bytes], size: int) -> PartList:
    """Return a file as it is: a BMP has no place for metadata."""
    parts = PartList()
    parts.keep(0, size)
    return parts


FINDERS = {
    JPEG.name: jpeg.public_parts,
    PNG.name: png.public_parts,
    WEBP.name: webp.public_parts,
    GIF.name: gif.public_parts,
    TIFF.name: tiff.public_parts,
    HEIF.name: heif.public_parts,
    AVIF.name: heif.public_parts,
    BMP.name: _whole_file,
}


def without_metadata(file: IO[bytes], format_name: str) -> PartsReader:
    """Return a reader of a picture file without its metadata. The pixels are not decoded and stay the same.

    What is needed to show the picture right is kept: its orientation and colour profile, animation, transparency.

    Args:
        file: the original, which can be positioned. Closing the reader closes it.
        format_name: of the detected format.

    Raises:
        MetadataNotRemovable: the structure of the file is not understood.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        parts = FINDERS[format_name](file, size)
    except (struct.error, LookupError, ValueError, OverflowError) as error:  # numbers that do not fit the file
        raise MetadataNotRemovable() from error
    return PartsReader(file, parts.parts)
