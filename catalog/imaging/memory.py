"""The memory that decoding a picture takes, estimated from its header.

The estimates were measured as the highest resident memory of a decoder process, and rounded up.
"""

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, ROWSPERSTRIP, SAMPLESPERPIXEL, TILELENGTH, TILEWIDTH, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from catalog.exceptions import PictureRejected
from catalog.imaging.limits import PictureLimits, format_bytes

# Bytes that Pillow stores for each pixel.
BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
BYTES_OF_OTHER_MODES = 4
# Of the converted or turned RGB picture, which is made while the decoded one is in memory.
BYTES_OF_RGB = 4
# Bytes for each pixel that decoders hold besides the picture: two canvases and the frame (WebP), planes with up to 12
# bits a sample and a copy in RGB (AVIF, HEIC), an unpacked copy (BMP).
BYTES_OF_DECODER = {WebPImageFile: 12, AvifImageFile: 10, HeifImageFile: 8, BmpImageFile: 2}
# Of a coefficient of a JPEG with several scans. All are in memory, also if it is decoded at reduced scale.
BYTES_OF_COEFFICIENT = 2


def estimate_memory(image: ImageFile, full_size: tuple[int, int], scan_count: int) -> int:
    """Return the number of bytes that decoding an opened picture takes, beside the bytes of the file.

    Args:
        full_size: of the picture in pixels; `image` may have been set to a reduced scale.
        scan_count: of a JPEG.
    """
    bytes_of_pixel = (
        BYTES_OF_MODE.get(image.mode, BYTES_OF_OTHER_MODES) + BYTES_OF_RGB + BYTES_OF_DECODER.get(type(image), 0)
    )
    estimate = image.width * image.height * bytes_of_pixel
    if isinstance(image, JpegImageFile) and scan_count > 1:
        estimate += _coefficient_bytes(image, full_size)
    if isinstance(image, TiffImageFile):
        estimate += _largest_block_bytes(image)
    return estimate


def webp_memory(width: int, height: int) -> int:
    """Return the same for a WebP, whose decoder allocates most of it as soon as the picture is opened."""
    return width * height * (BYTES_OF_OTHER_MODES + BYTES_OF_RGB + BYTES_OF_DECODER[WebPImageFile])


def _coefficient_bytes(image: JpegImageFile, full_size: tuple[int, int]) -> int:
    samplings = [(horizontal, vertical) for _, horizontal, vertical, _ in image.layer]
    widest, highest = (max((sampling[axis] for sampling in samplings), default=1) or 1 for axis in (0, 1))
    coefficients_of_pixel = sum(horizontal * vertical for horizontal, vertical in samplings) / (widest * highest)
    return int(full_size[0] * full_size[1] * coefficients_of_pixel * BYTES_OF_COEFFICIENT)


def _largest_block_bytes(image: TiffImageFile) -> int:
    """Return the size of a strip or tile of a TIFF, which is unpacked whole."""
    tags = image.tag_v2
    if TILEWIDTH in tags:
        pixels = tags[TILEWIDTH] * tags.get(TILELENGTH, image.height)
    else:
        pixels = image.width * min(tags.get(ROWSPERSTRIP, image.height), image.height)
    bits = max(tags.get(BITSPERSAMPLE, (8,))) * tags.get(SAMPLESPERPIXEL, 1)
    return int(pixels * bits / 8)


def too_much_memory_error(limits: PictureLimits) -> PictureRejected:
    return PictureRejected(
        "too_much_memory",
        "Decoding this picture would take more than {max_memory} of memory. Make it smaller, or save it as JPEG.",
        max_memory=format_bytes(limits.max_memory),
    )
