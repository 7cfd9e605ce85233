"""The memory that decoding takes is estimated before, from the header."""

from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.exceptions import PictureRejected
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from catalog.imaging.webp_header import read_webp_size
from tests.imaging.sample_pictures import coloured_corners, deep_png, encode, png_chunk, png_header

SIDE = 2500  # pixels
PIXELS = SIDE * SIDE
MARGIN_BYTES = 32 * 1024**2

# A lossless WebP of one colour: 16,383 × 6,100 pixels, which is within the limits, in 30 bytes.
WIDTH, HEIGHT = 16_383, 6_100
LOSSLESS_HEADER = (0x2F | (WIDTH - 1) << 8 | (HEIGHT - 1) << 22).to_bytes(5, "little")


def large_picture(format: str, mode: str, **options: object) -> bytes:
    if mode == "I;16":
        return deep_png(np.zeros((SIDE, SIDE), np.uint16))
    return encode(coloured_corners(SIDE, SIDE).convert(mode), format, **options)


KINDS = {
    "JPEG": ("JPEG", "RGB", {}),
    "JPEG, progressive": ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    "JPEG, CMYK": ("JPEG", "CMYK", {}),
    "PNG": ("PNG", "RGB", {}),
    "PNG, transparent": ("PNG", "RGBA", {}),
    "PNG, grey and transparent": ("PNG", "LA", {}),
    "PNG, 16 bits": ("PNG", "I;16", {}),
    "WebP": ("WEBP", "RGB", {"method": 0}),
    "WebP, lossless and transparent": ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    "GIF": ("GIF", "P", {}),
    "BMP": ("BMP", "RGB", {}),
    "TIFF": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "TIFF in one strip": ("TIFF", "RGB", {"compression": "tiff_deflate", "strip_size": 2**30}),
    "TIFF, floats": ("TIFF", "F", {"compression": "tiff_lzw"}),
    "AVIF": ("AVIF", "RGBA", {"speed": 10, "subsampling": "4:4:4"}),
    "HEIC": ("HEIF", "RGBA", {}),
}


def smallest_accepted_budget(data: bytes) -> int:
    """Return the estimate, from the limits between acceptance and rejection."""
    low, high = 0, 40 * PIXELS
    while high - low > PIXELS // 8:
        middle = (low + high) // 2
        try:
            decode(data, PictureLimits(max_memory=middle))
            high = middle
        except PictureRejected as error:
            assert error.code == "too_much_memory"
            low = middle
    return high


def peak_bytes(data: bytes) -> int:
    """Return how much resident memory decoding takes at most, in a process of its own."""
    with get_context("spawn").Pool(1) as process:
        return process.apply(measure_peak, (data,))


def measure_peak(data: bytes) -> int:
    decode(encode(coloured_corners(), "PNG"), PictureLimits())
    before = resident_peak()
    decode(data, PictureLimits(max_memory=2**40))
    return resident_peak() - before


def resident_peak() -> int:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_covers_the_measured_memory(kind):
    format, mode, options = KINDS[kind]
    data = large_picture(format, mode, **options)
    estimate, peak = smallest_accepted_budget(data), peak_bytes(data)
    assert peak <= estimate + MARGIN_BYTES
    assert estimate <= 3 * peak + 2 * MARGIN_BYTES


def test_a_tiny_file_that_takes_gigabytes_is_rejected_before_it_is_decoded():
    body = b"VP8L" + (10).to_bytes(4, "little") + LOSSLESS_HEADER + b"\0" * 5
    data = b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body
    with pytest.raises(PictureRejected, match="more than 1 GB of memory") as excinfo:
        decode(data, PictureLimits())
    assert excinfo.value.code == "too_much_memory"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"lossless": True, "exif": b"Exif\0\0"}])
def test_the_size_of_a_webp_is_read_without_its_decoder(options):
    data = encode(coloured_corners(70, 40), "WEBP", **options)
    assert read_webp_size(data) == (70, 40)
    assert read_webp_size(data[:20]) is None
    assert read_webp_size(data[:12] + b"JUNK" + data[16:]) is None


@pytest.mark.slow
def test_the_largest_transparent_png_within_the_limits_is_accepted():
    data = encode(Image.new("RGBA", (10_000, 10_000)), "PNG", compress_level=1)
    assert decode(data, PictureLimits(), min_decoded_side=512).rgb.size == (10_000, 10_000)


def test_a_large_progressive_jpeg_is_rejected_even_at_reduced_scale():
    data = encode(Image.new("RGB", (2000, 2000)), "JPEG", progressive=True, subsampling=0)
    limits = PictureLimits(max_memory=8 * 2000 * 2000)
    assert decode(encode(Image.new("RGB", (2000, 2000)), "JPEG"), limits, min_decoded_side=250).rgb.width == 250
    with pytest.raises(PictureRejected) as excinfo:
        decode(data, PictureLimits(max_memory=5 * 2000 * 2000), min_decoded_side=250)
    assert excinfo.value.code == "too_much_memory"


def test_the_memory_is_checked_before_the_pixels_are_read():
    """There are none in this file."""
    data = png_header(9000, 9000, colour=6) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    with pytest.raises(PictureRejected) as excinfo:
        decode(data, PictureLimits(max_memory=100 * 1024**2))
    assert excinfo.value.code == "too_much_memory"
