"""Household objects, drawn upright on a canvas. `style` sets the pattern and colours, `rng` varies the shape."""

from random import Random

from catalog.demo.canvas import Canvas, Point, ellipse_arc, rectangle, rounded_polygon, spline
from catalog.demo.palette import WHITE, blend
from catalog.demo.style import Style

LIGHT = (255, 236, 190)


def bag(canvas: Canvas, style: Style, rng: Random) -> None:
    """A handbag: an arched handle over a wide body with a flap and a clasp."""
    flare, reach = rng.uniform(4, 9), rng.uniform(8, 15)
    canvas.line(ellipse_arc((52, 46), 19, 46 - reach, 180, 360), 4, blend(style.trim, WHITE, 0.2))
    body = rounded_polygon([(10 + flare, 40), (90 - flare, 40), (94, 94), (6, 94)], 9)
    canvas.fill(body, style.pattern)
    canvas.shade(rectangle(0, 84, 100, 100))
    canvas.line(ellipse_arc((48, 46), 19, 42 - reach, 180, 360), 5, style.trim)
    lip = spline([(91 - flare, 52), (70, 66), (50, 70), (30, 66), (9 + flare, 52)])
    canvas.fill([(10 + flare, 40), (90 - flare, 40), *lip], style.main)
    canvas.line(lip, 1, style.trim)
    canvas.fill(rounded_polygon(rectangle(44, 63, 56, 76), 3), style.trim)
    canvas.fill(ellipse_arc((50, 70), 2.2, 2.2), style.second)
    for x in (29, 67):
        canvas.fill(rounded_polygon(rectangle(x - 3, 41, x + 3, 51), 2), style.trim)


def chair(canvas: Canvas, style: Style, rng: Random) -> None:
    """A chair seen at an angle: a wide back rail on spindles, a seat, four splayed legs."""
    top, splay = rng.uniform(10, 15), rng.uniform(3, 7)
    far = blend(style.trim, WHITE, 0.22)
    canvas.line([(38, 69), (38 - splay, 90)], 4, far)
    canvas.line([(82, 69), (82 + splay, 90)], 4, far)
    canvas.line([(26, 60), (21, top)], 4.4, style.trim)
    canvas.line([(68, 58), (69, top)], 4.4, style.trim)
    for fraction in (0.2, 0.4, 0.6, 0.8):
        foot, crest = 26 + 42 * fraction, 21 + 48 * fraction
        canvas.line([(foot, 60), (crest, top + 10)], 2.2, far)
    canvas.fill(rounded_polygon([(15, top - 6), (75, top - 6), (72, top + 14), (19, top + 14)], 7), style.pattern)
    canvas.shade(rectangle(0, top + 10, 100, top + 14))
    canvas.fill(rounded_polygon([(24, 57), (70, 56), (92, 67), (18, 69)], 5), blend(style.main, WHITE, 0.14))
    canvas.fill(rounded_polygon([(18, 66), (92, 65), (92, 72), (18, 73)], 3), style.main)
    canvas.shade(rectangle(0, 69, 100, 74))
    canvas.line([(23, 73), (23 - splay, 98)], 5, style.trim)
    canvas.line([(86, 73), (86 + splay, 98)], 5, style.trim)


def cup(canvas: Canvas, style: Style, rng: Random) -> None:
    """A cup on a saucer: a round body with a handle and a patterned band, with or without steam."""
    foot = rng.uniform(28, 34)
    canvas.fill(ellipse_arc((46, 86), 44, 9), blend(style.main, WHITE, 0.15))
    canvas.fill(ellipse_arc((46, 84.5), 44, 8), blend(style.second, WHITE, 0.3))
    canvas.shade(ellipse_arc((48, 85.5), 29, 5))
    canvas.line(ellipse_arc((77, 50), 15, 14, -100, 120), 6, style.main)
    side = spline([(12, 34), (14, 50), (20, 65), (foot - 3, 76), (foot, 85)])
    canvas.fill([*side, *_mirror(side, 46)], style.main)
    band = [point for point in side if 42 < point[1] < 60]
    (top, upper), (bottom, lower) = band[0], band[-1]
    hem = ellipse_arc((46, lower), 46 - bottom, 7, 0, 180)
    canvas.fill([*hem, *reversed(band), *ellipse_arc((46, upper), 46 - top, 8, 180, 0)], style.pattern)
    canvas.shade([*_mirror(side, 46), *[(80 - x * 0.75, y) for x, y in side]])
    canvas.fill(ellipse_arc((46, 34), 34, 9), blend(style.second, WHITE, 0.4))
    canvas.fill(ellipse_arc((46, 36), 30, 6.4), style.trim)
    if rng.random() < 0.5:
        for x in (36, 50):
            wisp = spline([(x, 20), (x + 4, 14), (x - 2, 8), (x + 2, 2)])
            canvas.line(wisp, 2, blend(style.second, WHITE, 0.5))


def lamp(canvas: Canvas, style: Style, rng: Random) -> None:
    """A table lamp: a pleated shade with a patterned hem, a thin neck and a turned base."""
    crown, belly = rng.uniform(16, 21), rng.uniform(13, 17)
    canvas.line([(50, 40), (50, 92)], 4, style.trim)
    foot = spline([(46, 58), (50 - belly, 74), (43, 90), (43, 94)])
    canvas.fill([*foot, *_mirror(foot, 50)], style.main)
    canvas.shade([*_mirror(foot, 50), *[(75 - x * 0.5, y) for x, y in foot]])
    canvas.fill(rounded_polygon(rectangle(32, 92, 68, 97), 2), style.trim)
    canvas.fill([(50 - crown, 4), (50 + crown, 4), (88, 50), (12, 50)], blend(style.main, LIGHT, 0.25))
    canvas.shade(ellipse_arc((50, 50), 28, 40, 180, 360), LIGHT, 0.5)
    for pleat in range(-5, 6):
        fold = [(50 + pleat * crown / 6, 4), (50 + pleat * 6.3, 50)]
        canvas.line(fold, 0.9, blend(style.main, style.trim, 0.4))
    hem = (38 - crown) * 0.28
    canvas.fill([(12 + hem, 37), (88 - hem, 37), (88, 50), (12, 50)], style.pattern)
    canvas.line([(12, 50), (88, 50)], 2, style.trim)
    canvas.line([(50 - crown, 4), (50 + crown, 4)], 2, style.trim)


def _mirror(side: list[Point], middle: float) -> list[Point]:
    """Return the right side of a symmetric object, from bottom to top, for its left side from top to bottom."""
    return [(2 * middle - x, y) for x, y in reversed(side)]
