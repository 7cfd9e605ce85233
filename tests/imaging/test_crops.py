import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.exceptions import CropRejected
from catalog.imaging.crops import Box, crop, parse_box
from catalog.imaging.decoding import Picture, decode
from catalog.imaging.limits import PictureLimits
from tests.imaging.sample_pictures import RED, YELLOW, assert_corners, coloured_corners, encode


def full_picture() -> Picture:
    return decode(encode(coloured_corners(400, 200), "PNG"), PictureLimits())


@functools.cache
def reduced_picture() -> Picture:
    picture = decode(encode(coloured_corners(1600, 800), "JPEG"), PictureLimits(), min_decoded_side=100)
    assert picture.rgb.size == (200, 100)
    return picture


@pytest.mark.parametrize("text", ["10,20,30,40", " 10 , 20,30 ,40 "])
def test_four_numbers_are_parsed_as_a_box(text):
    assert parse_box(text) == Box(10, 20, 30, 40)


@pytest.mark.parametrize(
    "text",
    ["", "10,20,30", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "1e3,2,3,4", "1_0,2,3,4", "１,2,3,4", "9" * 5000],
)
def test_other_text_is_rejected_with_the_expected_format(text):
    with pytest.raises(CropRejected, match="x,y,width,height"):
        parse_box(text)


@pytest.mark.parametrize("text", ["0,0,0,10", "0,0,10,0", "5,5,-1,10"])
def test_an_empty_box_is_rejected(text):
    with pytest.raises(CropRejected, match="empty"):
        parse_box(text)


@pytest.mark.parametrize("text", ["-1,0,10,10", "0,-1,10,10"])
def test_a_box_that_starts_outside_the_picture_is_rejected(text):
    with pytest.raises(CropRejected, match="outside"):
        parse_box(text)


@pytest.mark.parametrize("box", [Box(0, 0, 401, 10), Box(0, 0, 10, 201), Box(400, 0, 1, 1), Box(0, 200, 1, 1)])
def test_a_box_that_extends_beyond_the_picture_is_rejected(box):
    with pytest.raises(CropRejected, match="400 × 200"):
        crop(full_picture(), box)


def test_a_crop_can_cover_the_whole_picture():
    assert crop(full_picture(), Box(0, 0, 400, 200)).size == (400, 200)


def test_a_crop_contains_the_pixels_of_the_box():
    cropped = crop(full_picture(), Box(200, 100, 200, 100))
    assert cropped.size == (200, 100)
    assert_corners(cropped, [YELLOW] * 4)


def test_a_crop_of_a_reduced_picture_is_given_in_full_size_pixels():
    cropped = crop(reduced_picture(), Box(0, 0, 800, 400))
    assert cropped.size == (100, 50)
    assert_corners(cropped, [RED] * 4)


def test_a_crop_smaller_than_a_reduced_pixel_is_one_pixel():
    assert crop(reduced_picture(), Box(1599, 799, 1, 1)).size == (1, 1)


@given(st.data())
def test_every_box_inside_the_picture_has_pixels(data):
    picture = reduced_picture()
    x, y = data.draw(st.integers(0, 1599)), data.draw(st.integers(0, 799))
    width, height = data.draw(st.integers(1, 1600 - x)), data.draw(st.integers(1, 800 - y))
    cropped = crop(picture, parse_box(f"{x},{y},{width},{height}"))
    assert 1 <= cropped.width <= picture.rgb.width
    assert width / 8 <= cropped.width < width / 8 + 2
    assert height / 8 <= cropped.height < height / 8 + 2
