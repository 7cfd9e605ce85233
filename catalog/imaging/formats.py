"""Supported picture formats, detected from the first bytes of a file; its name is ignored."""

from dataclasses import dataclass

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from catalog.exceptions import PictureRejected


@dataclass(frozen=True)
class Format:
    """A supported format, and the only decoder that is used for it."""

    name: str
    extension: str
    media_type: str
    decoder: type[ImageFile]


# An MPO, as some phones write, is several JPEG files in a row; the JPEG decoder reads the first one.
JPEG = Format("JPEG", ".jpg", "image/jpeg", JpegImageFile)
PNG = Format("PNG", ".png", "image/png", PngImageFile)
WEBP = Format("WEBP", ".webp", "image/webp", WebPImageFile)
GIF = Format("GIF", ".gif", "image/gif", GifImageFile)
BMP = Format("BMP", ".bmp", "image/bmp", BmpImageFile)
TIFF = Format("TIFF", ".tif", "image/tiff", TiffImageFile)
AVIF = Format("AVIF", ".avif", "image/avif", AvifImageFile)
HEIF = Format("HEIF", ".heic", "image/heic", HeifImageFile)

MEDIA_TYPES = {format_.name: format_.media_type for format_ in (JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIF)}

SUPPORTED_FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC"

SIGNATURES: dict[bytes, Format] = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,
    b"MM\0+": TIFF,
}

# Checked before SIGNATURES: Canon raw files start like a TIFF.
UNSUPPORTED_SIGNATURES: dict[bytes, str] = {
    b"II*\0\x10\0\0\0CR": "Canon raw",
    b"8BPS": "Photoshop",
    b"gimp xcf": "GIMP",
    b"\0\0\x01\0": "ICO",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"DDS ": "DDS",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
}

BMP_HEADER_LENGTHS = {12, 16, 40, 52, 56, 64, 108, 124}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
AVIF_BRANDS = {b"avif", b"avis"}


def detect_format(data: bytes) -> Format:
    """Return the format of a file.

    Args:
        data: the whole file.

    Raises:
        PictureRejected: with the code `svg`, `unsupported` or `not_a_picture`.
    """
    for signature, name in UNSUPPORTED_SIGNATURES.items():
        if data.startswith(signature):
            raise _unsupported_error(name)
    for signature, format_ in SIGNATURES.items():
        if data.startswith(signature):
            return format_
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WEBP
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADER_LENGTHS:
        return BMP
    if data[4:8] == b"ftyp":
        return _detect_by_brand(data)
    if _is_svg(data):
        raise PictureRejected("svg", "SVG isn't supported. Export the drawing as PNG.")
    raise PictureRejected(
        "not_a_picture", "This file isn't a picture. Supported: {formats}.", formats=SUPPORTED_FORMATS
    )


def _detect_by_brand(data: bytes) -> Format:
    """Tell AVIF from HEIC; both use the container format of MP4 films (ISO/IEC 14496-12, 4.3; 23008-12, 10.2)."""
    end = min(int.from_bytes(data[:4], "big"), 1024)
    brands = {data[8:12], *(data[offset : offset + 4] for offset in range(16, end, 4))}
    if brands & AVIF_BRANDS:
        return AVIF
    if brands & HEIF_BRANDS:
        return HEIF
    raise _unsupported_error(data[8:12].decode("ascii", "replace").strip())


def _is_svg(data: bytes) -> bool:
    # Without its NUL bytes, UTF-16 text of ASCII characters is ASCII.
    text = data[:32_768].replace(b"\0", b"").lower()
    return b"<svg" in text and b"<html" not in text and text.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n").startswith(b"<")


def _unsupported_error(name: str) -> PictureRejected:
    return PictureRejected(
        "unsupported",
        "“{format}” files aren't supported. Export the picture as one of: {formats}.",
        format=name,
        formats=SUPPORTED_FORMATS,
    )
