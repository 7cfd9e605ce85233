import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.exceptions import CropRefused
from catalog.imaging.crops import Box, crop, parse
from catalog.imaging.decoding import Picture, decode
from catalog.imaging.limits import Limits

from .pictures import RED, YELLOW, assert_corners, corners, encoded


def whole() -> Picture:
    return decode(encoded(corners(400, 200), "PNG"), Limits())


@functools.cache
def reduced() -> Picture:
    picture = decode(encoded(corners(1600, 800), "JPEG"), Limits(), at_least=100)
    assert picture.rgb.size == (200, 100)
    return picture


@pytest.mark.parametrize("text", ["10,20,30,40", " 10 , 20,30 ,40 "])
def test_four_numbers_are_a_box(text):
    assert parse(text) == Box(10, 20, 30, 40)


@pytest.mark.parametrize(
    "text",
    ["", "10,20,30", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "1e3,2,3,4", "1_0,2,3,4", "１,2,3,4", "9" * 5000],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(CropRefused, match="x,y,width,height"):
        parse(text)


@pytest.mark.parametrize("text", ["0,0,0,10", "0,0,10,0", "5,5,-1,10"])
def test_an_empty_box_is_refused(text):
    with pytest.raises(CropRefused, match="empty"):
        parse(text)


@pytest.mark.parametrize("text", ["-1,0,10,10", "0,-1,10,10"])
def test_a_box_that_begins_outside_is_refused(text):
    with pytest.raises(CropRefused, match="outside"):
        parse(text)


@pytest.mark.parametrize("box", [Box(0, 0, 401, 10), Box(0, 0, 10, 201), Box(400, 0, 1, 1), Box(0, 200, 1, 1)])
def test_a_box_that_reaches_beyond_the_picture_is_refused(box):
    with pytest.raises(CropRefused, match="400 × 200"):
        crop(whole(), box)


def test_the_whole_picture_is_a_crop():
    assert crop(whole(), Box(0, 0, 400, 200)).size == (400, 200)


def test_a_crop_holds_what_is_inside():
    part = crop(whole(), Box(200, 100, 200, 100))
    assert part.size == (200, 100)
    assert_corners(part, [YELLOW] * 4)


def test_a_crop_of_a_reduced_picture_counts_in_full_size_pixels():
    part = crop(reduced(), Box(0, 0, 800, 400))
    assert part.size == (100, 50)
    assert_corners(part, [RED] * 4)


def test_a_crop_smaller_than_a_reduced_pixel_is_one_pixel():
    assert crop(reduced(), Box(1599, 799, 1, 1)).size == (1, 1)


@given(st.data())
def test_every_box_inside_gives_pixels(data):
    picture = reduced()
    x, y = data.draw(st.integers(0, 1599)), data.draw(st.integers(0, 799))
    width, height = data.draw(st.integers(1, 1600 - x)), data.draw(st.integers(1, 800 - y))
    part = crop(picture, parse(f"{x},{y},{width},{height}"))
    assert 1 <= part.width <= picture.rgb.width
    assert width / 8 <= part.width < width / 8 + 2
    assert height / 8 <= part.height < height / 8 + 2
