import numpy as np
import pytest
from PIL import Image

from catalog.demo.brush import DOTS, SIDE, Sheet, arc, box, curve, rounded

RED, BLUE = (200, 30, 30), (30, 30, 200)


def at(sheet: Sheet, x: float, y: float) -> tuple[int, ...]:
    return tuple(np.asarray(sheet.image)[round(y * DOTS), round(x * DOTS)].tolist())


def test_a_fill_covers_its_outline_and_nothing_else():
    sheet = Sheet()
    sheet.fill(box(20, 20, 60, 60), RED)
    assert at(sheet, 40, 40) == (*RED, 255)
    assert at(sheet, 70, 40)[3] == 0


def test_a_cloth_shows_the_part_that_lies_under_the_outline():
    cloth = Image.new("RGB", (SIDE, SIDE), RED)
    cloth.paste(BLUE, (SIDE // 2, 0, SIDE, SIDE))
    sheet = Sheet()
    sheet.fill(box(30, 30, 70, 70), cloth)
    assert at(sheet, 40, 50) == (*RED, 255)
    assert at(sheet, 60, 50) == (*BLUE, 255)


def test_a_line_has_round_ends():
    sheet = Sheet()
    sheet.line([(30, 50), (70, 50)], 10, RED)
    assert at(sheet, 26, 50)[3] == 255
    assert at(sheet, 25.5, 45.5)[3] == 0


def test_a_shade_darkens_what_is_drawn_and_leaves_the_bare_sheet_bare():
    sheet = Sheet()
    sheet.fill(box(0, 0, 50, 100), RED)
    sheet.shade(box(0, 0, 100, 100), strength=0.5)
    assert at(sheet, 25, 50)[0] < RED[0]
    assert at(sheet, 25, 50)[3] == 255
    assert at(sheet, 75, 50) == (0, 0, 0, 0)


def test_what_hangs_over_the_edge_of_the_sheet_is_cut_off():
    sheet = Sheet()
    sheet.fill(box(-20, -20, 30, 30), RED)
    sheet.line([(80, 80), (130, 130)], 4, BLUE)
    assert at(sheet, 0, 0) == (*RED, 255)
    assert at(sheet, 90, 90) == (*BLUE, 255)


def test_a_curve_passes_through_all_its_points():
    points = [(10.0, 10.0), (40.0, 60.0), (80.0, 20.0)]
    for closed in (False, True):
        line = np.array(curve(points, closed))
        for point in points:
            assert np.abs(line - point).sum(axis=1).min() == pytest.approx(0, abs=1e-9)


def test_an_arc_keeps_its_distance_from_its_centre():
    away = np.array(arc((50, 50), 20, 10, 90, 270)) - 50
    assert ((away[:, 0] / 20) ** 2 + (away[:, 1] / 10) ** 2) == pytest.approx(1)
    assert away[:, 0].max() == pytest.approx(0)


def test_rounding_cuts_the_corners_of_a_polygon():
    outline = np.array(rounded(box(0, 0, 100, 100), 10))
    assert outline.min() == 0
    assert outline.max() == 100
    assert np.abs(outline).sum(axis=1).min() >= 5
