import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from tests.imaging.sample_pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    assert_corners,
    coloured_corners,
    deep_png,
    encode,
    grey_ramp,
)

CORNER_COLOURS = [RED, GREEN, BLUE, YELLOW]
CLEAR_LEFT = np.tile(np.repeat([0, 255], 32).astype(np.uint8), (64, 1))


def pixels(data: bytes) -> np.ndarray:
    rgb = decode(data, PictureLimits()).rgb
    assert rgb.mode == "RGB"
    return np.asarray(rgb).astype(int)


def to_lab(image: Image.Image) -> Image.Image:
    return ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


def rgb_profile_with_swapped_colours() -> bytes:
    """sRGB with its red and blue primaries swapped, so that applying the profile changes every picture visibly."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, 132 + 12 * count, 12):
        if (name := bytes(profile[at : at + 4])) in {b"rXYZ", b"bXYZ"}:
            profile[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}[name]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


@pytest.mark.parametrize(
    ("image", "format"),
    [
        (coloured_corners().quantize(8), "PNG"),
        (coloured_corners().quantize(8), "GIF"),
        (coloured_corners().quantize(8), "BMP"),
        (coloured_corners().convert("CMYK"), "JPEG"),
        (coloured_corners().convert("CMYK"), "TIFF"),
        (coloured_corners().convert("YCbCr"), "TIFF"),
        (to_lab(coloured_corners()), "TIFF"),
        (coloured_corners().convert("RGBA"), "HEIF"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.mode,
)
def test_every_colour_mode_is_converted(image, format):
    assert_corners(decode(encode(image, format), PictureLimits()).rgb, CORNER_COLOURS)


def test_an_inverted_adobe_jpeg_is_not_decoded_as_a_negative():
    """Adobe inverts CMYK and marks this in an APP14 segment; transform 2 means YCCK."""
    data = encode(coloured_corners().convert("CMYK"), "JPEG")
    assert b"Adobe" in data
    assert_corners(decode(data, PictureLimits()).rgb, CORNER_COLOURS)


@pytest.mark.parametrize("mode", ["L", "1"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_greyscale_and_black_and_white_become_rgb(mode, format):
    half = Image.fromarray(CLEAR_LEFT).convert(mode)
    decoded = pixels(encode(half, format))
    assert decoded[0, 0].tolist() == [0, 0, 0]
    assert decoded[0, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("write", [deep_png, lambda ramp: encode(Image.fromarray(ramp), "TIFF")])
def test_16_bit_greyscale_is_scaled_and_not_clipped(write):
    ramp = grey_ramp()
    assert np.abs(pixels(write(ramp))[..., 0] - ramp / 257).max() <= 1


def test_16_bit_greyscale_with_white_as_zero_is_inverted():
    data = encode(Image.fromarray(grey_ramp()), "TIFF", tiffinfo={262: 0})
    decoded = pixels(data)
    assert decoded[0, 0].tolist() == [255] * 3
    assert decoded[0, -1].tolist() == [0] * 3


@pytest.mark.parametrize(
    "values",
    [
        grey_ramp().astype(np.int32),
        grey_ramp().astype(np.float32) / 65535,
        grey_ramp().astype(np.float32) * 30 - 1000,
    ],
    ids=["32-bit integers", "floats from 0 to 1", "floats of any range"],
)
def test_32_bit_greyscale_uses_the_full_range(values):
    decoded = pixels(encode(Image.fromarray(values), "TIFF"))[0, :, 0]
    assert (decoded[0], decoded[-1]) == (0, 255)
    assert np.abs(decoded - np.linspace(0, 255, 64)).max() <= 1


def test_floats_between_0_and_1_keep_their_brightness():
    dim = np.full((32, 32), 0.25, np.float32)
    assert set(pixels(encode(Image.fromarray(dim), "TIFF")).ravel()) == {64}


def test_non_finite_floats_do_not_reject_a_picture():
    values = grey_ramp().astype(np.float32) / 65535
    values[:4, :3] = np.nan, np.inf, -np.inf
    decoded = pixels(encode(Image.fromarray(values), "TIFF"))
    assert decoded[0, :3].max() == 0
    assert decoded[0, -1, 0] == 255


def test_16_bit_colour_keeps_its_colours():
    assert_corners(
        decode(deep_png(np.asarray(coloured_corners()).astype(np.uint16) * 257), PictureLimits()).rgb, CORNER_COLOURS
    )


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_become_white(format, mode):
    image = Image.new("RGB", (64, 64), (0, 0, 0)).convert(mode)
    image.putalpha(Image.fromarray(CLEAR_LEFT))
    decoded = pixels(encode(image, format))
    assert decoded[32, 8].min() >= 250
    assert decoded[32, -8].max() <= 8


def test_half_transparent_black_becomes_grey():
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert pixels(encode(image, "PNG"))[0, 0].tolist() == [127] * 3


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_the_transparent_colour_of_a_palette_becomes_white(format):
    image = Image.fromarray((CLEAR_LEFT // 255).astype(np.uint8), "P")
    image.putpalette([200, 0, 0, 0, 0, 200])
    decoded = pixels(encode(image, format, transparency=0))
    assert decoded[0, 0].tolist() == [255, 255, 255]
    assert decoded[0, -1].tolist() == [0, 0, 200]


def test_a_palette_with_alpha_is_blended_with_white():
    image = Image.fromarray((CLEAR_LEFT // 255).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 200])
    decoded = pixels(encode(image, "PNG", transparency=bytes([127, 255])))
    assert abs(decoded[0, 0] - 128).max() <= 1
    assert decoded[0, -1].tolist() == [0, 0, 200]


@pytest.mark.parametrize("samples", [1, 3])
def test_the_transparent_colour_of_a_16_bit_png_becomes_white(samples):
    values = np.where(CLEAR_LEFT == 0, 0x1234, 0x4000).astype(np.uint16)
    key = struct.pack(">H", 0x1234) * samples
    decoded = pixels(deep_png(values if samples == 1 else np.dstack([values] * 3), transparent=key))
    assert decoded[0, 0].tolist() == [255] * 3
    assert decoded[0, -1].tolist() == [0x40] * 3


def test_an_embedded_profile_is_applied():
    data = encode(Image.new("RGB", (32, 32), (255, 0, 0)), "PNG", icc_profile=rgb_profile_with_swapped_colours())
    assert np.abs(pixels(data)[0, 0] - [0, 0, 255]).max() <= 3


def test_a_profile_is_applied_to_transparent_and_palette_pictures():
    red = Image.new("RGBA", (32, 32), (255, 0, 0, 255))
    for image in (red, red.convert("RGB").quantize(4)):
        data = encode(image, "PNG", icc_profile=rgb_profile_with_swapped_colours())
        assert np.abs(pixels(data)[0, 0] - [0, 0, 255]).max() <= 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_another_colour_space_is_ignored(mode):
    image = Image.new("RGB", (32, 32), "white").convert(mode)
    data = encode(image, "JPEG", icc_profile=rgb_profile_with_swapped_colours())
    assert pixels(data)[0, 0].min() >= 253


def test_a_damaged_profile_is_ignored():
    whole = rgb_profile_with_swapped_colours()
    for profile in (b"nonsense", whole[:200], b"\0" * 300):
        assert_corners(
            decode(encode(coloured_corners(), "JPEG", icc_profile=profile), PictureLimits()).rgb, CORNER_COLOURS
        )
