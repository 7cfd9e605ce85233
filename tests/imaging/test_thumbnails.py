from io import BytesIO

import pytest
from PIL import Image

from catalog.imaging.thumbnails import downscale, encode_jpeg_thumbnail, encode_webp_thumbnail
from tests.imaging.sample_pictures import BLUE, GREEN, RED, YELLOW, assert_corners, coloured_corners


def open_image(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"), [((900, 600), (256, 171)), ((600, 900), (171, 256)), ((5000, 20), (256, 1))]
)
def test_the_longer_side_is_as_requested_and_the_proportions_are_kept(size, expected):
    image = open_image(encode_webp_thumbnail(coloured_corners(*size), 256))
    assert image.format == "WEBP"
    assert image.size == expected


def test_a_thumbnail_shows_the_same_picture():
    assert_corners(open_image(encode_webp_thumbnail(coloured_corners(900, 600), 256)), [RED, GREEN, BLUE, YELLOW])


def test_a_small_picture_is_not_enlarged():
    assert open_image(encode_webp_thumbnail(coloured_corners(96, 64), 256)).size == (96, 64)


@pytest.mark.parametrize(
    "make", [encode_webp_thumbnail, lambda image, side: encode_jpeg_thumbnail(downscale(image, side))]
)
@pytest.mark.parametrize("size", [(900, 600), (96, 64)])
def test_a_thumbnail_has_no_metadata(make, size):
    image = coloured_corners(*size)
    image.info.update(exif=b"Exif\0\0MM\0*" + b"\0" * 20, icc_profile=b"profile", xmp=b"<x:xmpmeta/>", comment=b"mine")
    data = make(image, 256)
    assert not any(name in data for name in (b"EXIF", b"Exif", b"ICCP", b"ICC_PROFILE", b"XMP ", b"xmpmeta", b"mine"))
    assert not {"exif", "icc_profile", "xmp", "comment"} & open_image(data).info.keys()


def test_a_jpeg_thumbnail_shows_the_same_picture():
    image = open_image(encode_jpeg_thumbnail(downscale(coloured_corners(900, 600), 256)))
    assert (image.format, image.size) == ("JPEG", (256, 171))
    assert_corners(image, [RED, GREEN, BLUE, YELLOW])


def test_the_picture_itself_is_not_changed():
    image = coloured_corners(900, 600)
    encode_webp_thumbnail(image, 256)
    assert image.size == (900, 600)
