from random import Random

import numpy as np
import pytest
from PIL import Image

from catalog.demo.backgrounds import LYING_BACKGROUNDS, STANDING_BACKGROUNDS
from catalog.demo.canvas import Canvas, rectangle
from catalog.demo.scene import paste_with_shadow, pose

RED, GREY = (200, 30, 30), (220, 220, 220)


@pytest.fixture
def brick() -> Image.Image:
    canvas = Canvas()
    canvas.fill(rectangle(10, 40, 70, 60), RED)
    return canvas.image


@pytest.mark.parametrize("tilt", [0, 20, 90])
def test_a_posed_object_fills_its_area(brick, tilt):
    posed = pose(brick, False, tilt, (300, 200))
    assert posed.width <= 300
    assert posed.height <= 200
    assert posed.width == 300 or posed.height == 200


def test_an_object_can_be_mirrored():
    canvas = Canvas()
    canvas.fill([(20, 20), (80, 80), (20, 80)], RED)
    plain, mirrored = (np.asarray(pose(canvas.image, turn, 0, (90, 90)))[..., 3] for turn in (False, True))
    assert np.abs(plain[:, ::-1].astype(int) - mirrored).mean() < 2


@pytest.mark.parametrize("standing", [True, False])
def test_an_object_is_pasted_with_a_shadow(brick, standing):
    picture = Image.new("RGB", (200, 200), GREY)
    paste_with_shadow(pose(brick, False, 0, (90, 90)), picture, (100, 100), standing)
    pixels = np.asarray(picture).astype(int)
    assert tuple(pixels[100, 100]) == RED
    shadow = (pixels.sum(axis=2) < sum(GREY) - 30) & (pixels[..., 0] < RED[0])
    assert shadow.sum() > 50
    assert tuple(pixels[20, 20]) == GREY


@pytest.mark.parametrize(
    "background", dict.fromkeys(STANDING_BACKGROUNDS + LYING_BACKGROUNDS), ids=lambda background: background.__name__
)
@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
def test_a_background_has_the_requested_size(background, size):
    picture = background(size, GREY, Random(1))  # noqa: S311
    assert (picture.size, picture.mode) == (size, "RGB")
    assert np.asarray(picture).min() > 60
