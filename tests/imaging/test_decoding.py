import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import ExifTags, Image

from catalog.imaging.decoding import decode
from catalog.imaging.formats import MEDIA_TYPES
from catalog.imaging.limits import Limits

from .pictures import BLUE, FORMATS, GREEN, RED, YELLOW, assert_corners, corners, encoded, endless_gif, turned

UPRIGHT = [RED, GREEN, BLUE, YELLOW]

# What an upright viewer sees when the stored rows are those of `corners` (Exif 2.32, Orientation).
SEEN = {
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
def test_each_format_is_decoded_and_named_by_its_bytes(format, extension, mime):
    picture = decode(encoded(corners(), format), Limits())
    assert (picture.format, picture.extension, MEDIA_TYPES[format]) == (format, extension, mime)
    assert (picture.width, picture.height) == picture.rgb.size == (96, 64)
    assert picture.rgb.mode == "RGB"
    assert_corners(picture.rgb, UPRIGHT)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_turned_picture_is_set_upright_once(format, orientation):
    picture = decode(turned(format, orientation), Limits())
    assert (picture.width, picture.height) == picture.rgb.size
    assert picture.rgb.size == ((64, 96) if orientation >= 5 else (96, 64))
    assert_corners(picture.rgb, SEEN[orientation])


def test_a_heics_own_turn_counts_and_not_its_exif():
    """ISO/IEC 23008-12, A.2.1: the Exif orientation of an HEIF is to be ignored."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(corners(), "HEIF", exif=exif)  # given an object, pillow-heif writes Exif alone
    assert b"irot" not in data
    assert_corners(decode(data, Limits()).rgb, UPRIGHT)


def test_an_upright_picture_carries_no_metadata():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    picture = decode(encoded(corners(), "JPEG", exif=exif, comment=b"private"), Limits())
    assert picture.rgb.info == {}
    assert len(picture.rgb.getexif()) == 0


def test_an_impossible_orientation_is_ignored():
    assert_corners(decode(turned("JPEG", 77), Limits()).rgb, UPRIGHT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_refuse_a_picture():
    data = encoded(corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xee" * 40)
    assert_corners(decode(data, Limits()).rgb, UPRIGHT)


def test_a_phones_mpo_is_a_jpeg():
    data = encoded(corners(), "MPO", save_all=True, append_images=[corners().rotate(180)])
    picture = decode(data, Limits())
    assert picture.format == "JPEG"
    assert_corners(picture.rgb, UPRIGHT)


def test_the_first_of_ten_thousand_frames_is_taken():
    picture = decode(endless_gif(frames=10_000), Limits())
    assert picture.rgb.size == (32, 32)
    assert_corners(picture.rgb, UPRIGHT)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"])
def test_the_first_frame_or_page_is_the_picture(format):
    data = encoded(corners(), format, save_all=True, append_images=[corners().rotate(180)])
    assert_corners(decode(data, Limits()).rgb, UPRIGHT)


def test_a_heic_named_by_its_container_alone_is_decoded():
    data = encoded(corners(), "HEIF")
    assert_corners(decode(data[:8] + b"mif1" + data[12:], Limits()).rgb, UPRIGHT)


@pytest.mark.parametrize(("at_least", "scale"), [(90, 8), (114, 4), (224, 4), (450, 2), (451, 1), (5000, 1)])
def test_a_large_jpeg_is_decoded_no_smaller_than_asked(at_least, scale):
    picture = decode(encoded(corners(1200, 900), "JPEG"), Limits(), at_least=at_least)
    assert (picture.width, picture.height) == (1200, 900)
    assert picture.rgb.size == (1200 // scale, math.ceil(900 / scale))
    assert_corners(picture.rgb, UPRIGHT)


def test_a_reduced_turned_jpeg_reports_its_upright_full_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(encoded(corners(1201, 901), "JPEG", exif=exif), Limits(), at_least=200)
    assert (picture.width, picture.height) == (901, 1201)
    assert picture.rgb.size == (226, 301)
    assert_corners(picture.rgb, SEEN[6])


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_other_formats_are_decoded_whole(format):
    assert decode(encoded(corners(400, 300), format), Limits(), at_least=50).rgb.size == (400, 300)


def test_many_threads_decode_at_once():
    files = [turned(format, 6) for format in ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"]] * 20
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda data: decode(data, Limits()), files))
    for picture in found:
        assert_corners(picture.rgb, SEEN[6])


def test_the_same_bytes_give_the_same_pixels():
    for format in FORMATS:
        data = encoded(corners(), format)
        assert np.array_equal(decode(data, Limits()).rgb, decode(data, Limits()).rgb)
