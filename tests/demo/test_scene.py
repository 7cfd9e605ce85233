from random import Random

import numpy as np
import pytest
from PIL import Image

from catalog.demo.backgrounds import LYING, STANDING
from catalog.demo.brush import Sheet, box
from catalog.demo.scene import place, posed

RED, GREY = (200, 30, 30), (220, 220, 220)


@pytest.fixture
def brick() -> Image.Image:
    sheet = Sheet()
    sheet.fill(box(10, 40, 70, 60), RED)
    return sheet.image


@pytest.mark.parametrize("tilt", [0, 20, 90])
def test_a_posed_thing_fills_its_room_and_stays_inside(brick, tilt):
    thing = posed(brick, False, tilt, (300, 200))
    assert thing.width <= 300
    assert thing.height <= 200
    assert thing.width == 300 or thing.height == 200


def test_a_mirrored_thing_looks_the_other_way():
    sheet = Sheet()
    sheet.fill([(20, 20), (80, 80), (20, 80)], RED)
    plain, mirrored = (np.asarray(posed(sheet.image, turn, 0, (90, 90)))[..., 3] for turn in (False, True))
    assert np.abs(plain[:, ::-1].astype(int) - mirrored).mean() < 2


@pytest.mark.parametrize("standing", [True, False])
def test_a_thing_is_placed_over_a_shadow_of_its_own(brick, standing):
    picture = Image.new("RGB", (200, 200), GREY)
    place(posed(brick, False, 0, (90, 90)), picture, (100, 100), standing)
    pixels = np.asarray(picture).astype(int)
    assert tuple(pixels[100, 100]) == RED
    shadow = (pixels.sum(axis=2) < sum(GREY) - 30) & (pixels[..., 0] < RED[0])
    assert shadow.sum() > 50
    assert tuple(pixels[20, 20]) == GREY


@pytest.mark.parametrize("background", dict.fromkeys(STANDING + LYING), ids=lambda found: found.__name__)
@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
def test_a_background_fills_any_format(background, size):
    picture = background(size, GREY, Random(1))  # noqa: S311
    assert (picture.size, picture.mode) == (size, "RGB")
    assert np.asarray(picture).min() > 60
