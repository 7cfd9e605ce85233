import numpy as np
import pytest
from PIL import Image

from catalog.features.preprocessing import ASPECT_RATIOS, SIDE_STEP, input_shape, resize_to_input
from tests.features.conftest import draw_blobs


def test_a_squashed_picture_of_any_shape_becomes_a_square():
    for shape in ((300, 40), (1, 1), (40, 300), (128, 128)):
        square = resize_to_input(Image.new("RGB", shape, (10, 20, 30)), 128, "squashed")
        assert square.shape == (128, 128, 3)
        assert square.dtype == np.uint8
        assert (square == (10, 20, 30)).all()


def test_a_fine_pattern_is_averaged_and_does_not_alias():
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255

    square = resize_to_input(Image.fromarray(stripes), 128, "kept").astype(int)

    assert abs(square - 127).max() <= 3


def test_the_edges_of_the_picture_are_kept():
    halves = Image.new("RGB", (400, 100), "red")
    halves.paste("blue", (200, 0, 400, 100))

    square = resize_to_input(halves, 64, "kept")

    assert (square[:, 0] == (255, 0, 0)).all()
    assert (square[:, -1] == (0, 0, 255)).all()


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((500, 500), (224, 224)),
        ((640, 480), (256, 192)),
        ((480, 640), (192, 256)),
        ((600, 400), (272, 176)),
        ((1000, 500), (320, 160)),
        ((5000, 500), (320, 160)),
        ((500, 5000), (160, 320)),
    ],
)
def test_a_picture_keeps_its_aspect_as_far_as_the_shapes_allow(size, shape):
    assert input_shape(*size, 224, "kept") == shape
    assert resize_to_input(Image.new("RGB", size), 224, "kept").shape == (*shape[::-1], 3)


@pytest.mark.parametrize("side", [80, 224, 260, 320])
def test_there_are_few_shapes_and_all_have_nearly_the_same_area(side):
    shapes = {input_shape(width, 400, side, "kept") for width in range(20, 4000, 7)}
    assert len(shapes) <= len(ASPECT_RATIOS)
    for width, height in shapes:
        assert width % SIDE_STEP == height % SIDE_STEP == 0
        assert width * height == pytest.approx(side**2, rel=0.16)


def test_resizing_does_not_change_the_picture():
    picture = draw_blobs(1)
    before = picture.tobytes()

    resize_to_input(picture, 32, "squashed")

    assert picture.tobytes() == before
