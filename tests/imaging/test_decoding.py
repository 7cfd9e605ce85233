import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import ExifTags, Image

from catalog.imaging.decoding import decode
from catalog.imaging.formats import MEDIA_TYPES
from catalog.imaging.limits import PictureLimits
from tests.imaging.sample_pictures import (
    BLUE,
    FORMATS,
    GREEN,
    RED,
    YELLOW,
    assert_corners,
    coloured_corners,
    encode,
    encode_with_orientation,
    endless_gif,
)

UPRIGHT = [RED, GREEN, BLUE, YELLOW]

# The corners of the upright picture when `coloured_corners` is stored with each orientation (Exif 2.32).
CORNERS_BY_ORIENTATION = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


@pytest.mark.parametrize(
    ("format", "extension", "mime"),
    [
        ("JPEG", ".jpg", "image/jpeg"),
        ("PNG", ".png", "image/png"),
        ("WEBP", ".webp", "image/webp"),
        ("GIF", ".gif", "image/gif"),
        ("BMP", ".bmp", "image/bmp"),
        ("TIFF", ".tif", "image/tiff"),
        ("AVIF", ".avif", "image/avif"),
        ("HEIF", ".heic", "image/heic"),
    ],
)
def test_each_format_is_detected_from_the_content_and_decoded(format, extension, mime):
    picture = decode(encode(coloured_corners(), format), PictureLimits())
    assert (picture.format, picture.extension, MEDIA_TYPES[format]) == (format, extension, mime)
    assert (picture.width, picture.height) == picture.rgb.size == (96, 64)
    assert picture.rgb.mode == "RGB"
    assert_corners(picture.rgb, UPRIGHT)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_rotated_picture_is_made_upright_once(format, orientation):
    picture = decode(encode_with_orientation(format, orientation), PictureLimits())
    assert (picture.width, picture.height) == picture.rgb.size
    assert picture.rgb.size == ((64, 96) if orientation >= 5 else (96, 64))
    assert_corners(picture.rgb, CORNERS_BY_ORIENTATION[orientation])


def test_the_rotation_of_a_heic_is_applied_and_its_exif_orientation_ignored():
    """ISO/IEC 23008-12, A.2.1: readers ignore the Exif orientation of a HEIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encode(coloured_corners(), "HEIF", exif=exif)  # with an Exif object, pillow-heif writes no rotation property
    assert b"irot" not in data
    assert_corners(decode(data, PictureLimits()).rgb, UPRIGHT)


def test_a_decoded_picture_has_no_metadata():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    picture = decode(encode(coloured_corners(), "JPEG", exif=exif, comment=b"private"), PictureLimits())
    assert picture.rgb.info == {}
    assert len(picture.rgb.getexif()) == 0


def test_an_invalid_orientation_is_ignored():
    assert_corners(decode(encode_with_orientation("JPEG", 77), PictureLimits()).rgb, UPRIGHT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_reject_a_picture():
    data = encode(coloured_corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xee" * 40)
    assert_corners(decode(data, PictureLimits()).rgb, UPRIGHT)


def test_an_mpo_is_decoded_as_jpeg():
    data = encode(coloured_corners(), "MPO", save_all=True, append_images=[coloured_corners().rotate(180)])
    picture = decode(data, PictureLimits())
    assert picture.format == "JPEG"
    assert_corners(picture.rgb, UPRIGHT)


def test_the_first_of_10_000_frames_is_decoded():
    picture = decode(endless_gif(frames=10_000), PictureLimits())
    assert picture.rgb.size == (32, 32)
    assert_corners(picture.rgb, UPRIGHT)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"])
def test_the_first_frame_or_page_is_decoded(format):
    data = encode(coloured_corners(), format, save_all=True, append_images=[coloured_corners().rotate(180)])
    assert_corners(decode(data, PictureLimits()).rgb, UPRIGHT)


def test_a_heic_with_a_generic_major_brand_is_decoded():
    data = encode(coloured_corners(), "HEIF")
    assert_corners(decode(data[:8] + b"mif1" + data[12:], PictureLimits()).rgb, UPRIGHT)


@pytest.mark.parametrize(("min_side", "scale"), [(90, 8), (114, 4), (224, 4), (450, 2), (451, 1), (5000, 1)])
def test_a_large_jpeg_is_decoded_no_smaller_than_requested(min_side, scale):
    picture = decode(encode(coloured_corners(1200, 900), "JPEG"), PictureLimits(), min_decoded_side=min_side)
    assert (picture.width, picture.height) == (1200, 900)
    assert picture.rgb.size == (1200 // scale, math.ceil(900 / scale))
    assert_corners(picture.rgb, UPRIGHT)


def test_a_reduced_rotated_jpeg_reports_its_upright_full_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encode(coloured_corners(1201, 901), "JPEG", exif=exif), PictureLimits(), min_decoded_side=200)
    assert (picture.width, picture.height) == (901, 1201)
    assert picture.rgb.size == (226, 301)
    assert_corners(picture.rgb, CORNERS_BY_ORIENTATION[6])


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_other_formats_are_decoded_at_full_size(format):
    assert decode(encode(coloured_corners(400, 300), format), PictureLimits(), min_decoded_side=50).rgb.size == (
        400,
        300,
    )


def test_threads_can_decode_concurrently():
    files = [encode_with_orientation(format, 6) for format in ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"]] * 20
    with ThreadPoolExecutor(8) as threads:
        pictures = list(threads.map(lambda data: decode(data, PictureLimits()), files))
    for picture in pictures:
        assert_corners(picture.rgb, CORNERS_BY_ORIENTATION[6])


def test_the_same_bytes_give_the_same_pixels():
    for format in FORMATS:
        data = encode(coloured_corners(), format)
        assert np.array_equal(decode(data, PictureLimits()).rgb, decode(data, PictureLimits()).rgb)
