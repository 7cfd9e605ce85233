import numpy as np
import pytest
from PIL import Image

from catalog.imaging.overlays import draw_heatmap

GREEN = (40, 160, 60)


def single_weight(row: int, column: int) -> np.ndarray:
    weights = np.zeros((8, 8), np.float32)
    weights[row, column] = 0.4
    return weights


def brightness(picture: Image.Image) -> np.ndarray:
    """The mean brightness of each cell of a 4 × 4 grid."""
    return np.asarray(picture.convert("L").resize((4, 4), Image.Resampling.BOX), float)


@pytest.mark.parametrize(
    ("size", "expected"), [((900, 600), (400, 267)), ((600, 900), (267, 400)), ((90, 60), (90, 60))]
)
def test_the_heat_map_has_the_proportions_of_the_picture_and_is_reduced(size, expected):
    heatmap = draw_heatmap(Image.new("RGB", size, GREEN), single_weight(1, 1), 400)
    assert (heatmap.mode, heatmap.size) == ("RGB", expected)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (7, 2)])
def test_the_area_with_weight_is_much_brighter_than_the_rest(row, column):
    cells = brightness(draw_heatmap(Image.new("RGB", (300, 200), GREEN), single_weight(row, column), 400))
    assert np.unravel_index(cells.argmax(), cells.shape) == (row // 2, column // 2)
    assert cells.max() > 2 * np.median(cells)


def test_areas_without_weight_are_dim_and_grey():
    heatmap = np.asarray(draw_heatmap(Image.new("RGB", (300, 200), GREEN), single_weight(0, 0), 400))
    red, green, blue = heatmap[-1, -1].astype(int)
    assert red == green == blue < 40


def test_areas_with_weight_are_amber_even_in_a_black_picture():
    red, green, blue = np.asarray(draw_heatmap(Image.new("RGB", (300, 200)), single_weight(4, 4), 400)).max(axis=(0, 1))
    assert red > green > blue
    assert red > 80


def test_the_scale_of_the_weights_does_not_matter():
    picture = Image.new("RGB", (300, 200), GREEN)
    assert draw_heatmap(picture, single_weight(2, 2), 400) == draw_heatmap(picture, 1000 * single_weight(2, 2), 400)


def test_weights_without_a_positive_value_leave_everything_dim():
    for weights in (np.zeros((8, 8), np.float32), np.full((8, 8), -1, np.float32)):
        assert np.asarray(draw_heatmap(Image.new("RGB", (300, 200), GREEN), weights, 400)).max() < 40


def test_equal_weights_highlight_everything():
    heatmap = np.asarray(draw_heatmap(Image.new("RGB", (300, 200), GREEN), np.ones((8, 8), np.float32), 400))
    assert (heatmap == heatmap[0, 0]).all()
    assert heatmap.max() > 100
