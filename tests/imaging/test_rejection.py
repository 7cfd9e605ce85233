import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.exceptions import PictureRejected
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from tests.imaging.sample_pictures import (
    FORMATS,
    coloured_corners,
    encode,
    encode_with_orientation,
    png_chunk,
    png_header,
)


def rejection(data: bytes, limits: PictureLimits | None = None, min_decoded_side: int | None = None) -> PictureRejected:
    with pytest.raises(PictureRejected) as excinfo:
        decode(data, limits or PictureLimits(), min_decoded_side=min_decoded_side)
    assert "{" not in str(excinfo.value)
    return excinfo.value


def test_an_empty_file_is_rejected():
    assert rejection(b"").code == "empty"


def test_a_file_with_too_many_bytes_is_rejected():
    error = rejection(b"\xff\xd8\xff" + b"\0" * 98, PictureLimits(max_bytes=100))
    assert error.code == "too_many_bytes"
    assert "100 B limit" in str(error)


@pytest.mark.parametrize("data", [b"Dear madam,", b"BMW is a maker of cars", b"<html><svg></svg></html>", b"\0" * 40])
def test_a_file_that_is_not_a_picture_is_rejected(data):
    assert rejection(data).code == "not_a_picture"


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '\ufeff<?xml version="1.0"?>\n<!-- drawn by hand -->\n<SVG/>',
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''>\n" + "<!-- -->" * 800 + "<svg/>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_vector_drawing_message_suggests_png(text, encoding):
    error = rejection(text.encode(encoding))
    assert error.code == "svg"
    assert "PNG" in str(error)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"\xff\x0a", "JPEG XL"),
        (b"II*\0\x10\0\0\0CR\2\0", "Canon raw"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "mp42"),
    ],
)
def test_an_unsupported_format_is_named(head, name):
    error = rejection(head + b"\0" * 100)
    assert error.code == "unsupported"
    assert name in str(error)


def test_unsupported_formats_never_reach_a_decoder():
    for format in ("PPM", "TGA", "PCX", "ICO", "SGI", "EPS", "JPEG2000"):
        assert rejection(encode(coloured_corners(), format)).code in {"unsupported", "not_a_picture"}


@pytest.mark.parametrize("min_decoded_side", [None, 16])
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_picture_is_rejected(format, fraction, min_decoded_side):
    noise = Image.effect_noise((160, 120), 60).convert("RGB")
    data = encode(noise, format)
    assert rejection(data[: int(len(data) * fraction)], min_decoded_side=min_decoded_side).code == "truncated"


def test_a_truncated_progressive_jpeg_is_rejected():
    data = encode(Image.effect_noise((400, 300), 60), "JPEG", progressive=True)
    for min_decoded_side in (None, 40):
        assert rejection(data[: len(data) * 2 // 3], min_decoded_side=min_decoded_side).code == "truncated"


def test_a_damaged_picture_is_rejected():
    data = bytearray(encode(coloured_corners(), "PNG"))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert rejection(bytes(data)).code == "damaged"


def test_a_small_file_with_gigapixels_is_rejected_before_decoding():
    header_only = png_header(60_000, 60_000) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + png_chunk(b"IEND", b"")
    error = rejection(header_only)
    assert error.code == "too_many_pixels"
    assert "60000 × 60000" in str(error)


def bomb_bmp() -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, *[0] * 6)


def bomb_gif() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + encode(coloured_corners(), "GIF")[13:]


def bomb_gif_frame() -> bytes:
    """A small screen with a frame of four gigapixels."""
    data = bytearray(encode(coloured_corners().quantize(4), "GIF"))
    at = data.index(b",", 13)
    data[at + 5 : at + 9] = struct.pack("<HH", 65_535, 65_535)
    return bytes(data)


def bomb_jpeg() -> bytes:
    data = bytearray(encode(coloured_corners(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


def bomb_webp() -> bytes:
    """An extended header whose canvas is 16383 × 16383."""
    body = encode(coloured_corners(), "WEBP", lossless=True)[12:]
    canvas = b"VP8X" + struct.pack("<IB3x", 10, 0) + (16_382).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(body)) + b"WEBP" + canvas + body


def bomb_tiff_tile() -> bytes:
    """A small page, stored in one tile of 60,000 × 60,000."""
    deflate, grey = 8, 1
    tags = {
        256: 64,
        257: 64,
        258: 8,
        259: deflate,
        262: grey,
        277: 1,
        322: 60_000,
        323: 60_000,
        324: 8,
        325: 9,
    }
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + b"\0" * 4


@pytest.mark.parametrize("bomb", [bomb_bmp, bomb_gif, bomb_gif_frame, bomb_jpeg, bomb_webp, bomb_tiff_tile])
def test_a_decompression_bomb_is_rejected_in_every_format(bomb):
    assert rejection(bomb()).code == "too_many_pixels"


def test_the_limit_of_pillow_does_not_apply(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode(encode(coloured_corners(), "JPEG"), PictureLimits()).rgb.size == (96, 64)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_a_large_picture_within_the_limits_gives_no_warning():
    flat = encode(Image.new("1", (9_600, 9_600)), "PNG")
    assert decode(flat, PictureLimits()).width == 9_600


def test_a_picture_with_a_too_long_side_is_rejected():
    assert rejection(encode(Image.new("1", (30_001, 20)), "PNG")).code == "side_too_long"


@pytest.mark.parametrize("size", [(1, 1), (15, 200), (200, 15)])
def test_a_picture_that_is_too_small_is_rejected(size):
    error = rejection(encode(Image.new("RGB", size), "PNG"))
    assert error.code == "too_small"
    assert "16" in str(error)


def test_the_smallest_picture_is_accepted():
    assert decode(encode(coloured_corners(16, 16), "PNG"), PictureLimits()).rgb.size == (16, 16)


SEEDS = (
    [encode(coloured_corners(32, 32), format) for format in FORMATS]
    + [encode_with_orientation(format, 6) for format in ("JPEG", "TIFF", "WEBP", "AVIF", "HEIF")]
    + [
        encode(coloured_corners(32, 32), "TIFF", compression="tiff_lzw"),
        encode(coloured_corners(32, 32).quantize(8), "PNG", transparency=bytes(8)),
        encode(coloured_corners(32, 32).convert("CMYK"), "JPEG", progressive=True),
        encode(coloured_corners(32, 32).convert("F"), "TIFF"),
    ]
)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), max_size=6),
    keep=st.floats(0, 1) | st.just(1.0),
    min_decoded_side=st.none() | st.just(8),
)
@pytest.mark.filterwarnings("ignore")
def test_arbitrary_bytes_raise_only_rejections(seed, edits, keep, min_decoded_side):
    data = bytearray(seed)
    for where, replacement in edits:
        at = int(where * len(data))
        data[at : at + len(replacement)] = replacement
    try:
        picture = decode(
            bytes(data[: int(keep * len(data))]), PictureLimits(max_pixels=1_000_000), min_decoded_side=min_decoded_side
        )
    except PictureRejected as error:
        assert str(error)
    else:
        assert picture.rgb.mode == "RGB"
        assert picture.width * picture.height <= 1_000_000


@settings(max_examples=200, deadline=None)
@given(head=st.sampled_from([seed[:40] for seed in SEEDS]), noise=st.binary(max_size=400))
@pytest.mark.filterwarnings("ignore")
def test_noise_after_a_valid_header_is_rejected_or_decoded(head, noise):
    try:
        decode(head + noise, PictureLimits(max_pixels=1_000_000))
    except PictureRejected as error:
        assert error.code
