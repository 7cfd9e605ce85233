import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits

from .pictures import BLUE, GREEN, RED, YELLOW, assert_corners, corners, deep_png, encoded, grey_ramp

UPRIGHT = [RED, GREEN, BLUE, YELLOW]
CLEAR_LEFT = np.tile(np.repeat([0, 255], 32).astype(np.uint8), (64, 1))


def pixels(data: bytes) -> np.ndarray:
    rgb = decode(data, Limits()).rgb
    assert rgb.mode == "RGB"
    return np.asarray(rgb).astype(int)


def lab(image: Image.Image) -> Image.Image:
    return ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


def rgb_profile_with_swapped_colours() -> bytes:
    """sRGB whose red and blue primaries have changed places: a wide-gamut profile nobody could overlook."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, 132 + 12 * count, 12):
        if (name := bytes(profile[at : at + 4])) in {b"rXYZ", b"bXYZ"}:
            profile[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}[name]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


@pytest.mark.parametrize(
    ("image", "format"),
    [
        (corners().quantize(8), "PNG"),
        (corners().quantize(8), "GIF"),
        (corners().quantize(8), "BMP"),
        (corners().convert("CMYK"), "JPEG"),
        (corners().convert("CMYK"), "TIFF"),
        (corners().convert("YCbCr"), "TIFF"),
        (lab(corners()), "TIFF"),
        (corners().convert("RGBA"), "HEIF"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.mode,
)
def test_colours_survive_every_way_of_writing_them(image, format):
    assert_corners(decode(encoded(image, format), Limits()).rgb, UPRIGHT)


def test_an_inverted_adobe_jpeg_is_not_a_negative():
    """Adobe writes CMYK upside down and says so in an APP14 marker; transform 2 means YCCK."""
    data = encoded(corners().convert("CMYK"), "JPEG")
    assert b"Adobe" in data
    assert_corners(decode(data, Limits()).rgb, UPRIGHT)


@pytest.mark.parametrize("mode", ["L", "1"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_and_black_and_white_become_rgb(mode, format):
    half = Image.fromarray(CLEAR_LEFT).convert(mode)
    found = pixels(encoded(half, format))
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[0, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("write", [deep_png, lambda ramp: encoded(Image.fromarray(ramp), "TIFF")])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(write):
    ramp = grey_ramp()
    assert np.abs(pixels(write(ramp))[..., 0] - ramp / 257).max() <= 1


def test_sixteen_bit_grey_whose_zero_is_white_is_inverted():
    data = encoded(Image.fromarray(grey_ramp()), "TIFF", tiffinfo={262: 0})
    found = pixels(data)
    assert found[0, 0].tolist() == [255] * 3
    assert found[0, -1].tolist() == [0] * 3


@pytest.mark.parametrize(
    "values",
    [
        grey_ramp().astype(np.int32),
        grey_ramp().astype(np.float32) / 65535,
        grey_ramp().astype(np.float32) * 30 - 1000,
    ],
    ids=["32-bit integers", "floats from 0 to 1", "floats of any range"],
)
def test_wide_greys_use_the_whole_range(values):
    found = pixels(encoded(Image.fromarray(values), "TIFF"))[0, :, 0]
    assert (found[0], found[-1]) == (0, 255)
    assert np.abs(found - np.linspace(0, 255, 64)).max() <= 1


def test_floats_between_0_and_1_keep_their_brightness():
    dim = np.full((32, 32), 0.25, np.float32)
    assert set(pixels(encoded(Image.fromarray(dim), "TIFF")).ravel()) == {64}


def test_floats_that_are_no_numbers_do_not_refuse_a_picture():
    values = grey_ramp().astype(np.float32) / 65535
    values[:4, :3] = np.nan, np.inf, -np.inf
    found = pixels(encoded(Image.fromarray(values), "TIFF"))
    assert found[0, :3].max() == 0
    assert found[0, -1, 0] == 255


def test_sixteen_bit_colour_keeps_its_colours():
    assert_corners(decode(deep_png(np.asarray(corners()).astype(np.uint16) * 257), Limits()).rgb, UPRIGHT)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_places_are_white(format, mode):
    image = Image.new("RGB", (64, 64), (0, 0, 0)).convert(mode)
    image.putalpha(Image.fromarray(CLEAR_LEFT))
    found = pixels(encoded(image, format))
    assert found[32, 8].min() >= 250
    assert found[32, -8].max() <= 8


def test_half_transparent_black_is_grey():
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert pixels(encoded(image, "PNG"))[0, 0].tolist() == [127] * 3


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palettes_transparent_colour_is_white(format):
    image = Image.fromarray((CLEAR_LEFT // 255).astype(np.uint8), "P")
    image.putpalette([200, 0, 0, 0, 0, 200])
    found = pixels(encoded(image, format, transparency=0))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, -1].tolist() == [0, 0, 200]


def test_a_palette_of_alphas_is_laid_on_white():
    image = Image.fromarray((CLEAR_LEFT // 255).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 200])
    found = pixels(encoded(image, "PNG", transparency=bytes([127, 255])))
    assert abs(found[0, 0] - 128).max() <= 1
    assert found[0, -1].tolist() == [0, 0, 200]


@pytest.mark.parametrize("samples", [1, 3])
def test_the_transparent_colour_of_a_deep_png_is_white(samples):
    values = np.where(CLEAR_LEFT == 0, 0x1234, 0x4000).astype(np.uint16)
    key = struct.pack(">H", 0x1234) * samples
    found = pixels(deep_png(values if samples == 1 else np.dstack([values] * 3), transparent=key))
    assert found[0, 0].tolist() == [255] * 3
    assert found[0, -1].tolist() == [0x40] * 3


def test_an_embedded_profile_is_followed():
    data = encoded(Image.new("RGB", (32, 32), (255, 0, 0)), "PNG", icc_profile=rgb_profile_with_swapped_colours())
    assert np.abs(pixels(data)[0, 0] - [0, 0, 255]).max() <= 3


def test_a_profile_counts_for_transparent_and_palette_pictures_too():
    red = Image.new("RGBA", (32, 32), (255, 0, 0, 255))
    for image in (red, red.convert("RGB").quantize(4)):
        data = encoded(image, "PNG", icc_profile=rgb_profile_with_swapped_colours())
        assert np.abs(pixels(data)[0, 0] - [0, 0, 255]).max() <= 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_another_kind_of_colour_is_ignored(mode):
    image = Image.new("RGB", (32, 32), "white").convert(mode)
    data = encoded(image, "JPEG", icc_profile=rgb_profile_with_swapped_colours())
    assert pixels(data)[0, 0].min() >= 253


def test_a_damaged_profile_is_ignored():
    whole = rgb_profile_with_swapped_colours()
    for profile in (b"nonsense", whole[:200], b"\0" * 300):
        assert_corners(decode(encoded(corners(), "JPEG", icc_profile=profile), Limits()).rgb, UPRIGHT)
