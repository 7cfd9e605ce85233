from io import BytesIO

import pytest
from PIL import Image

from catalog.imaging.thumbnails import quick_thumbnail, shrunk, thumbnail

from .pictures import BLUE, GREEN, RED, YELLOW, assert_corners, corners


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"), [((900, 600), (256, 171)), ((600, 900), (171, 256)), ((5000, 20), (256, 1))]
)
def test_the_longer_side_is_as_asked_and_the_shape_is_kept(size, expected):
    image = opened(thumbnail(corners(*size), 256))
    assert image.format == "WEBP"
    assert image.size == expected


def test_it_shows_the_same_picture():
    assert_corners(opened(thumbnail(corners(900, 600), 256)), [RED, GREEN, BLUE, YELLOW])


def test_a_small_picture_is_not_enlarged():
    assert opened(thumbnail(corners(96, 64), 256)).size == (96, 64)


@pytest.mark.parametrize("make", [thumbnail, lambda image, side: quick_thumbnail(shrunk(image, side))])
@pytest.mark.parametrize("size", [(900, 600), (96, 64)])
def test_no_metadata_comes_along(make, size):
    image = corners(*size)
    image.info.update(exif=b"Exif\0\0MM\0*" + b"\0" * 20, icc_profile=b"profile", xmp=b"<x:xmpmeta/>", comment=b"mine")
    data = make(image, 256)
    assert not any(name in data for name in (b"EXIF", b"Exif", b"ICCP", b"ICC_PROFILE", b"XMP ", b"xmpmeta", b"mine"))
    assert not {"exif", "icc_profile", "xmp", "comment"} & opened(data).info.keys()


def test_a_quick_one_is_a_jpeg_of_the_same_picture():
    image = opened(quick_thumbnail(shrunk(corners(900, 600), 256)))
    assert (image.format, image.size) == ("JPEG", (256, 171))
    assert_corners(image, [RED, GREEN, BLUE, YELLOW])


def test_the_picture_itself_is_left_as_it_was():
    image = corners(900, 600)
    thumbnail(image, 256)
    assert image.size == (900, 600)
