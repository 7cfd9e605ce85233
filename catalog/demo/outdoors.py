"""Outdoor objects, drawn upright on a canvas. `style` sets the pattern and colours, `rng` varies the shape."""

from math import cos, radians, sin
from random import Random

from catalog.demo.canvas import Canvas, Paint, Point, ellipse_arc, rounded_polygon, spline
from catalog.demo.palette import WHITE, Colour, blend
from catalog.demo.style import Style


def bicycle(canvas: Canvas, style: Style, rng: Random) -> None:
    """A bicycle from the side, with a basket in front of the handlebar."""
    radius, handlebar_height = rng.uniform(19, 21), rng.uniform(26, 31)
    back, front = (22, 70), (78, 70)
    pedals, seat, head = (46, 70), (38, handlebar_height + 10), (68, handlebar_height + 6)
    for hub in (back, front):
        _draw_wheel(canvas, hub, radius, style)
    for tube in ([back, seat], [back, pedals], [pedals, seat], [pedals, head], [seat, head], [head, front]):
        canvas.line(tube, 3.6, style.main)
    canvas.line([seat, (36, handlebar_height + 3)], 2.6, style.trim)
    canvas.fill(
        rounded_polygon(
            [(25, handlebar_height), (46, handlebar_height), (44, handlebar_height + 5), (28, handlebar_height + 5)], 2
        ),
        style.trim,
    )
    canvas.line(
        spline([head, (66, handlebar_height - 6), (62, handlebar_height - 10), (54, handlebar_height - 9)]),
        2.6,
        style.trim,
    )
    canvas.fill(
        rounded_polygon(
            [
                (70, handlebar_height - 8),
                (94, handlebar_height - 8),
                (90, handlebar_height + 12),
                (73, handlebar_height + 12),
            ],
            3,
        ),
        style.pattern,
    )
    canvas.fill(ellipse_arc(pedals, 5, 5), style.trim)
    canvas.line([(42, 80), pedals, (50, 60)], 2, style.trim)


def fish(canvas: Canvas, style: Style, rng: Random) -> None:
    """A fish swimming to the left: rows of pale scales, a patterned forked tail, a round eye."""
    plump, fork = rng.uniform(19, 23), rng.uniform(20, 24)
    fin = blend(style.main, style.trim, 0.3)
    canvas.fill(spline([(30, 40), (36, 46 - plump), (52, 18), (68, 26), (66, 44)], closed=True), fin)
    canvas.fill(spline([(44, 60), (50, 80), (58, 85), (65, 78), (62, 58)], closed=True), fin)
    tail = spline([(82, 45), (98, 50 - fork), (92, 50), (98, 50 + fork), (82, 55)])
    canvas.fill([(74, 50), *tail], style.pattern)
    back = spline([(3, 52), (16, 52 - plump * 0.75), (40, 50 - plump), (66, 50 - plump * 0.55), (86, 50)])
    belly = spline([(86, 50), (66, 50 + plump * 0.55), (40, 50 + plump), (16, 52 + plump * 0.7), (3, 52)])
    canvas.fill([*back, *belly], style.main)
    canvas.fill([*belly, (16, 58), (40, 62), (66, 55)], style.second)
    _draw_scales(canvas, plump, style.second)
    gill = spline([(26, 52 - plump * 0.78), (33, 50), (26, 50 + plump * 0.78)])
    canvas.line(gill, 1.6, style.trim)
    canvas.fill(spline([(38, 54), (54, 56), (52, 66), (42, 64)], closed=True), fin)
    canvas.fill(ellipse_arc((17, 46), 5.4, 5.4), WHITE)
    canvas.fill(ellipse_arc((16.4, 46), 3, 3), style.trim)


def leaf(canvas: Canvas, style: Style, rng: Random) -> None:
    """A twig with pairs of two-coloured leaves and one leaf at the tip."""
    length, lift = rng.uniform(29, 34), rng.uniform(0.45, 0.65)
    canvas.line(spline([(50, 14), (50, 60), (54, 98)]), 2, style.trim)
    for y, fraction in ((86, 0.85), (70, 1.05), (54, 1.05), (39, 0.85), (26, 0.6)):
        for side in (-1, 1):
            tip = 50 + side * length * fraction * 1.25, y - length * fraction * lift
            _draw_leaflet(canvas, (50.5, y), tip, style)
    _draw_leaflet(canvas, (50, 18), (50, 0), style)


def umbrella(canvas: Canvas, style: Style, rng: Random) -> None:
    """An open umbrella: a scalloped dome of light and dark panels on a stick with a crook."""
    dome, hook = rng.uniform(40, 45), rng.choice((-1, 1))
    canvas.line([(50, 4), (50, 88)], 3, style.trim)
    canvas.line(ellipse_arc((50 + hook * 6, 88), 6, 8, 90 + hook * 90, 90 - hook * 90), 3.4, style.trim)
    pale = blend(style.second, style.main, 0.12)
    panels: list[Paint] = [style.pattern, pale] * 3
    edges = (46, 36, 19, 0, -19, -36, -46)
    for outer, inner, paint in zip(edges[:-1], edges[1:], panels, strict=True):
        hem = ellipse_arc((50 + (outer + inner) / 2, 54), (outer - inner) / 2, 5, 180, 360)
        canvas.fill([*_rib_points(outer, dome), *_rib_points(inner, dome)[::-1], *hem], paint)
    canvas.shade([*_rib_points(46, dome), *_rib_points(19, dome)[::-1]])
    for rib in edges[1:-1]:
        canvas.line(_rib_points(rib, dome), 0.9, blend(style.main, style.trim, 0.6))


def _draw_scales(canvas: Canvas, plump: float, tone: Colour) -> None:
    """Draw rows of semicircles, which get shorter towards the tail."""
    for column, x in enumerate(range(38, 80, 7)):
        reach = plump * (84 - x) / 46
        for step in range(-3, 2):
            y = 50 + (step + column % 2 / 2) * 7.5
            if 53 - reach < y < min(60, 47 + reach):
                canvas.line(ellipse_arc((x, y), 4, 3.75, -85, 85), 2, tone)


def _draw_leaflet(canvas: Canvas, base: Point, tip: Point, style: Style) -> None:
    """Draw one leaf from its base to its tip, with one half in a paler colour."""
    axis, normal = (tip[0] - base[0], tip[1] - base[1]), (base[1] - tip[1], tip[0] - base[0])

    def point_at(fraction: float, width: float) -> Point:
        return base[0] + axis[0] * fraction + normal[0] * width, base[1] + axis[1] * fraction + normal[1] * width

    upper = spline([base, point_at(0.3, 0.16), point_at(0.62, 0.16), tip])
    lower = spline([base, point_at(0.3, -0.16), point_at(0.62, -0.16), tip])
    canvas.fill([*upper, *reversed(lower)], style.main)
    canvas.fill([*lower, base], style.second)
    canvas.line([base, point_at(0.85, 0)], 0.9, style.trim)


def _rib_points(across: float, dome: float) -> list[Point]:
    """Return points from the hem of an umbrella, at distance `across` from the stick, to its top."""
    return [(50 + across * cos(radians(step * 9)), 54 - dome * sin(radians(step * 9))) for step in range(11)]


def _draw_wheel(canvas: Canvas, hub: Point, radius: float, style: Style) -> None:
    for spoke in range(0, 180, 30):
        ends = ellipse_arc(hub, radius, radius, spoke, spoke + 180)
        canvas.line([ends[0], ends[-1]], 0.6, blend(style.trim, WHITE, 0.45))
    canvas.line(ellipse_arc(hub, radius, radius), 3.2, style.trim)
    canvas.line(ellipse_arc(hub, radius - 2.4, radius - 2.4), 1, style.second)
    canvas.fill(ellipse_arc(hub, 2.6, 2.6), style.trim)
