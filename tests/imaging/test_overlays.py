import numpy as np
import pytest
from PIL import Image

from catalog.imaging.overlays import overlay

GREEN = (40, 160, 60)


def spot(row: int, column: int) -> np.ndarray:
    weights = np.zeros((8, 8), np.float32)
    weights[row, column] = 0.4
    return weights


def brightness(picture: Image.Image) -> np.ndarray:
    """The mean of each of four by four fields."""
    return np.asarray(picture.convert("L").resize((4, 4), Image.Resampling.BOX), float)


@pytest.mark.parametrize(
    ("size", "expected"), [((900, 600), (400, 267)), ((600, 900), (267, 400)), ((90, 60), (90, 60))]
)
def test_it_has_the_shape_of_the_picture_and_is_small(size, expected):
    lit = overlay(Image.new("RGB", size, GREEN), spot(1, 1), 400)
    assert (lit.mode, lit.size) == ("RGB", expected)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (7, 2)])
def test_the_part_that_counts_is_far_brighter_than_the_rest(row, column):
    fields = brightness(overlay(Image.new("RGB", (300, 200), GREEN), spot(row, column), 400))
    assert np.unravel_index(fields.argmax(), fields.shape) == (row // 2, column // 2)
    assert fields.max() > 2 * np.median(fields)


def test_what_does_not_count_is_dim_and_grey():
    lit = np.asarray(overlay(Image.new("RGB", (300, 200), GREEN), spot(0, 0), 400))
    red, green, blue = lit[-1, -1].astype(int)
    assert red == green == blue < 40


def test_what_counts_is_warm_even_where_the_picture_is_black():
    red, green, blue = np.asarray(overlay(Image.new("RGB", (300, 200)), spot(4, 4), 400)).max(axis=(0, 1))
    assert red > green > blue
    assert red > 80


def test_the_scale_of_the_weights_does_not_matter():
    picture = Image.new("RGB", (300, 200), GREEN)
    assert overlay(picture, spot(2, 2), 400) == overlay(picture, 1000 * spot(2, 2), 400)


def test_weights_that_are_nowhere_positive_leave_all_dim():
    for weights in (np.zeros((8, 8), np.float32), np.full((8, 8), -1, np.float32)):
        assert np.asarray(overlay(Image.new("RGB", (300, 200), GREEN), weights, 400)).max() < 40


def test_equal_weights_light_everything():
    lit = np.asarray(overlay(Image.new("RGB", (300, 200), GREEN), np.ones((8, 8), np.float32), 400))
    assert (lit == lit[0, 0]).all()
    assert lit.max() > 100
