import numpy as np
import pytest
from PIL import Image

from catalog.demo.canvas import CANVAS_SIDE, PIXELS_PER_UNIT, Canvas, ellipse_arc, rectangle, rounded_polygon, spline

RED, BLUE = (200, 30, 30), (30, 30, 200)


def pixel_at(canvas: Canvas, x: float, y: float) -> tuple[int, ...]:
    return tuple(np.asarray(canvas.image)[round(y * PIXELS_PER_UNIT), round(x * PIXELS_PER_UNIT)].tolist())


def test_a_fill_covers_only_its_outline():
    canvas = Canvas()
    canvas.fill(rectangle(20, 20, 60, 60), RED)
    assert pixel_at(canvas, 40, 40) == (*RED, 255)
    assert pixel_at(canvas, 70, 40)[3] == 0


def test_a_pattern_is_cut_out_by_the_outline():
    pattern = Image.new("RGB", (CANVAS_SIDE, CANVAS_SIDE), RED)
    pattern.paste(BLUE, (CANVAS_SIDE // 2, 0, CANVAS_SIDE, CANVAS_SIDE))
    canvas = Canvas()
    canvas.fill(rectangle(30, 30, 70, 70), pattern)
    assert pixel_at(canvas, 40, 50) == (*RED, 255)
    assert pixel_at(canvas, 60, 50) == (*BLUE, 255)


def test_a_line_has_round_ends():
    canvas = Canvas()
    canvas.line([(30, 50), (70, 50)], 10, RED)
    assert pixel_at(canvas, 26, 50)[3] == 255
    assert pixel_at(canvas, 25.5, 45.5)[3] == 0


def test_a_shade_darkens_drawn_pixels_and_leaves_transparent_pixels():
    canvas = Canvas()
    canvas.fill(rectangle(0, 0, 50, 100), RED)
    canvas.shade(rectangle(0, 0, 100, 100), strength=0.5)
    assert pixel_at(canvas, 25, 50)[0] < RED[0]
    assert pixel_at(canvas, 25, 50)[3] == 255
    assert pixel_at(canvas, 75, 50) == (0, 0, 0, 0)


def test_shapes_are_clipped_at_the_edge_of_the_canvas():
    canvas = Canvas()
    canvas.fill(rectangle(-20, -20, 30, 30), RED)
    canvas.line([(80, 80), (130, 130)], 4, BLUE)
    assert pixel_at(canvas, 0, 0) == (*RED, 255)
    assert pixel_at(canvas, 90, 90) == (*BLUE, 255)


def test_a_spline_passes_through_all_points():
    points = [(10.0, 10.0), (40.0, 60.0), (80.0, 20.0)]
    for closed in (False, True):
        line = np.array(spline(points, closed))
        for point in points:
            assert np.abs(line - point).sum(axis=1).min() == pytest.approx(0, abs=1e-9)


def test_an_arc_lies_on_its_ellipse():
    offsets = np.array(ellipse_arc((50, 50), 20, 10, 90, 270)) - 50
    assert ((offsets[:, 0] / 20) ** 2 + (offsets[:, 1] / 10) ** 2) == pytest.approx(1)
    assert offsets[:, 0].max() == pytest.approx(0)


def test_rounding_removes_the_corners_of_a_polygon():
    outline = np.array(rounded_polygon(rectangle(0, 0, 100, 100), 10))
    assert outline.min() == 0
    assert outline.max() == 100
    assert np.abs(outline).sum(axis=1).min() >= 5
