"""Pictures with corners of four different colours, so that every rotation is visible."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image
from pillow_heif import register_heif_opener

register_heif_opener()  # lets Pillow write HEIC in the tests; the code under test does not use it

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 60), (40, 60, 220), (230, 210, 40)
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"]


def coloured_corners(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green at the top, blue and yellow at the bottom."""
    quarter = Image.new("RGB", (2, 2))
    quarter.putdata([RED, GREEN, BLUE, YELLOW])
    return quarter.resize((width, height), Image.Resampling.NEAREST)


def grey_ramp(width: int = 64, height: int = 32) -> np.ndarray:
    """A gradient from 0 at the left to 65535 at the right: uint16 (height, width)."""
    return np.tile(np.linspace(0, 65535, width).round().astype(np.uint16), (height, 1))


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def encode_with_orientation(format: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encode(coloured_corners(), format, exif=exif.tobytes())


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def deep_png(samples: np.ndarray, transparent: bytes = b"") -> bytes:
    """A PNG with 16 bits per sample, of samples (h, w) or (h, w, channels). Pillow cannot write these in colour."""
    colour = 0 if samples.ndim == 2 else {2: 4, 3: 2, 4: 6}[samples.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return (
        png_header(samples.shape[1], samples.shape[0], bits=16, colour=colour)
        + (png_chunk(b"tRNS", transparent) if transparent else b"")
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def png_header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">2I5B", width, height, bits, colour, 0, 0, 0))


def endless_gif(frames: int) -> bytes:
    whole = encode(coloured_corners(32, 32).quantize(8), "GIF")
    head = whole[: whole.index(b",")]
    return head + whole[len(head) : -1] * frames + b";"


def assert_corners(rgb: Image.Image, expected: list[tuple[int, int, int]], tolerance: int = 40) -> None:
    """Check the colours of the corners: upper left, upper right, lower left, lower right."""
    width, height = rgb.size
    inset = min(width, height) // 8
    spots = [
        (inset, inset),
        (width - 1 - inset, inset),
        (inset, height - 1 - inset),
        (width - 1 - inset, height - 1 - inset),
    ]
    found = np.array([rgb.getpixel(spot) for spot in spots], dtype=int)
    assert np.abs(found - np.array(expected)).max() <= tolerance, found.tolist()
