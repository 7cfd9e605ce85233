import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.exceptions import PictureRefused
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits

from .pictures import FORMATS, chunk, corners, encoded, png_header, turned


def refusal(data: bytes, limits: Limits | None = None, at_least: int | None = None) -> PictureRefused:
    with pytest.raises(PictureRefused) as caught:
        decode(data, limits or Limits(), at_least=at_least)
    assert "{" not in str(caught.value)
    return caught.value


def test_an_empty_file_is_refused():
    assert refusal(b"").code == "empty"


def test_a_file_of_too_many_bytes_is_refused():
    fault = refusal(b"\xff\xd8\xff" + b"\0" * 98, Limits(max_bytes=100))
    assert fault.code == "too_many_bytes"
    assert "101" in str(fault)


@pytest.mark.parametrize("data", [b"Dear madam,", b"BMW is a maker of cars", b"<html><svg></svg></html>", b"\0" * 40])
def test_what_is_no_picture_is_refused(data):
    assert refusal(data).code == "not_a_picture"


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '\ufeff<?xml version="1.0"?>\n<!-- drawn by hand -->\n<SVG/>',
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''>\n" + "<!-- -->" * 800 + "<svg/>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_vector_drawing_is_told_to_become_a_png(text, encoding):
    fault = refusal(text.encode(encoding))
    assert fault.code == "svg"
    assert "PNG" in str(fault)


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
def test_a_known_format_that_is_not_taken_is_named(head, name):
    fault = refusal(head + b"\0" * 100)
    assert fault.code == "unsupported"
    assert name in str(fault)


def test_formats_outside_the_list_never_reach_a_decoder():
    for format in ("PPM", "TGA", "PCX", "ICO", "SGI", "EPS", "JPEG2000"):
        assert refusal(encoded(corners(), format)).code in {"unsupported", "not_a_picture"}


@pytest.mark.parametrize("at_least", [None, 16])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_picture_is_refused(format, share, at_least):
    noise = Image.effect_noise((160, 120), 60).convert("RGB")
    data = encoded(noise, format)
    assert refusal(data[: int(len(data) * share)], at_least=at_least).code == "truncated"


def test_a_truncated_progressive_jpeg_is_refused():
    data = encoded(Image.effect_noise((400, 300), 60), "JPEG", progressive=True)
    for at_least in (None, 40):
        assert refusal(data[: len(data) * 2 // 3], at_least=at_least).code == "truncated"


def test_a_damaged_picture_is_refused():
    data = bytearray(encoded(corners(), "PNG"))
    data[data.index(b"IDAT") + 8] ^= 0xFF
    assert refusal(bytes(data)).code == "damaged"


def test_a_small_file_of_gigapixels_is_refused_before_decoding():
    header_only = png_header(60_000, 60_000) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    fault = refusal(header_only)
    assert fault.code == "too_many_pixels"
    assert "60000 × 60000" in str(fault)


def bomb_bmp() -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, *[0] * 6)


def bomb_gif() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + encoded(corners(), "GIF")[13:]


def bomb_gif_frame() -> bytes:
    """A modest screen, and a frame that covers four gigapixels."""
    data = bytearray(encoded(corners().quantize(4), "GIF"))
    at = data.index(b",", 13)
    data[at + 5 : at + 9] = struct.pack("<HH", 65_535, 65_535)
    return bytes(data)


def bomb_jpeg() -> bytes:
    data = bytearray(encoded(corners(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


def bomb_webp() -> bytes:
    """An extended header whose canvas is 16383 × 16383."""
    body = encoded(corners(), "WEBP", lossless=True)[12:]
    canvas = b"VP8X" + struct.pack("<IB3x", 10, 0) + (16_382).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(body)) + b"WEBP" + canvas + body


def bomb_tiff_tile() -> bytes:
    """A modest page, kept in one tile of 60,000 × 60,000."""
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
def test_a_bomb_of_every_format_is_refused(bomb):
    assert refusal(bomb()).code == "too_many_pixels"


def test_a_limit_above_pillows_own_is_kept(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode(encoded(corners(), "JPEG"), Limits()).rgb.size == (96, 64)


@pytest.mark.filterwarnings("error")
def test_a_large_picture_within_the_limits_gives_no_warning():
    flat = encoded(Image.new("1", (9_600, 9_600)), "PNG")
    assert decode(flat, Limits()).width == 9_600


def test_a_side_that_is_too_long_is_refused():
    assert refusal(encoded(Image.new("1", (30_001, 20)), "PNG")).code == "side_too_long"


@pytest.mark.parametrize("size", [(1, 1), (15, 200), (200, 15)])
def test_a_picture_that_is_too_small_is_refused(size):
    fault = refusal(encoded(Image.new("RGB", size), "PNG"))
    assert fault.code == "too_small"
    assert "16" in str(fault)


def test_the_smallest_picture_is_taken():
    assert decode(encoded(corners(16, 16), "PNG"), Limits()).rgb.size == (16, 16)


SEEDS = (
    [encoded(corners(32, 32), format) for format in FORMATS]
    + [turned(format, 6) for format in ("JPEG", "TIFF", "WEBP", "AVIF", "HEIF")]
    + [
        encoded(corners(32, 32), "TIFF", compression="tiff_lzw"),
        encoded(corners(32, 32).quantize(8), "PNG", transparency=bytes(8)),
        encoded(corners(32, 32).convert("CMYK"), "JPEG", progressive=True),
        encoded(corners(32, 32).convert("F"), "TIFF"),
    ]
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), max_size=6),
    keep=st.floats(0, 1) | st.just(1.0),
    at_least=st.none() | st.just(8),
)
@pytest.mark.filterwarnings("ignore")
def test_no_bytes_raise_anything_but_a_refusal(seed, edits, keep, at_least):
    data = bytearray(seed)
    for where, replacement in edits:
        at = int(where * len(data))
        data[at : at + len(replacement)] = replacement
    try:
        picture = decode(bytes(data[: int(keep * len(data))]), Limits(max_pixels=1_000_000), at_least=at_least)
    except PictureRefused as fault:
        assert str(fault)
    else:
        assert picture.rgb.mode == "RGB"
        assert picture.width * picture.height <= 1_000_000


@settings(max_examples=200, deadline=None)
@given(head=st.sampled_from([seed[:40] for seed in SEEDS]), noise=st.binary(max_size=400))
@pytest.mark.filterwarnings("ignore")
def test_noise_behind_a_good_beginning_is_refused_or_read(head, noise):
    try:
        decode(head + noise, Limits(max_pixels=1_000_000))
    except PictureRefused as fault:
        assert fault.code
