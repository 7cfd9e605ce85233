"""Which pictures are taken, told from their first bytes. A file's name says nothing."""

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

from catalog.exceptions import PictureRefused


@dataclass(frozen=True)
class Format:
    """A format that is taken, and the one decoder that is ever tried on it."""

    name: str
    extension: str
    mime: str
    decoder: type[ImageFile]


# A phone's MPO is a JPEG followed by more of them; the JPEG decoder reads the first and stops.
JPEG = Format("JPEG", ".jpg", "image/jpeg", JpegImageFile)
PNG = Format("PNG", ".png", "image/png", PngImageFile)
WEBP = Format("WEBP", ".webp", "image/webp", WebPImageFile)
GIF = Format("GIF", ".gif", "image/gif", GifImageFile)
BMP = Format("BMP", ".bmp", "image/bmp", BmpImageFile)
TIFF = Format("TIFF", ".tif", "image/tiff", TiffImageFile)
AVIF = Format("AVIF", ".avif", "image/avif", AvifImageFile)
HEIF = Format("HEIF", ".heic", "image/heic", HeifImageFile)

MEDIA_TYPES = {one.name: one.mime for one in (JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIF)}

TAKEN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC"

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

# Asked first: Canon's raw files begin as a TIFF does.
NOT_TAKEN: dict[bytes, str] = {
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


def recognise(data: bytes) -> Format:
    """The format of these bytes.

    Raises:
        PictureRefused: `svg`, `unsupported` or `not_a_picture`.
    """
    for signature, name in NOT_TAKEN.items():
        if data.startswith(signature):
            raise _unsupported(name)
    for signature, known in SIGNATURES.items():
        if data.startswith(signature):
            return known
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WEBP
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in BMP_HEADER_LENGTHS:
        return BMP
    if data[4:8] == b"ftyp":
        return _by_brand(data)
    if _is_svg(data):
        raise PictureRefused(
            "svg", "This is an SVG, a vector drawing, which is not taken. Export it as PNG and send that."
        )
    raise PictureRefused(
        "not_a_picture", "This is not a picture, whatever its name says. {formats} are taken.", formats=TAKEN
    )


def _by_brand(data: bytes) -> Format:
    """AVIF or HEIC: both live in ISO media files, as films do (ISO/IEC 14496-12, 4.3; 23008-12, 10.2)."""
    end = min(int.from_bytes(data[:4], "big"), 1024)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & AVIF_BRANDS:
        return AVIF
    if brands & HEIF_BRANDS:
        return HEIF
    raise _unsupported(data[8:12].decode("ascii", "replace").strip())


def _is_svg(data: bytes) -> bool:
    # Without the NULs, UTF-16 reads as ASCII does.
    text = data[:32_768].replace(b"\0", b"").lower()
    return b"<svg" in text and b"<html" not in text and text.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n").startswith(b"<")


def _unsupported(name: str) -> PictureRefused:
    return PictureRefused(
        "unsupported",
        "Files of the kind “{format}” are not taken; {formats} are. Export it as one of these.",
        format=name,
        formats=TAKEN,
    )
