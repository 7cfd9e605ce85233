"""A square sheet to draw one object on, upright, in coordinates from 0 to 100 (x to the right, y down)."""

from collections.abc import Sequence
from math import cos, radians, sin

from PIL import Image, ImageChops, ImageDraw

from catalog.demo.palette import Colour

Point = tuple[float, float]
Paint = Colour | Image.Image
Area = tuple[int, int, int, int]

# Pillow draws hard edges on whole dots. Sixteen dots a unit are about four times what a picture shows:
# shrinking smooths them.
DOTS = 16
SIDE = 100 * DOTS

DUSK = (20, 20, 40)


class Sheet:
    """A transparent sheet. `image` is RGBA, 1600 × 1600 px; every dot is either bare or opaque."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (SIDE, SIDE))

    def fill(self, outline: Sequence[Point], paint: Paint) -> None:
        """Fill a closed outline with a colour, or with what lies under it of a sheet-sized RGB image."""
        area, mask = _stencil(outline)
        self._paint(area, mask, paint)

    def line(self, points: Sequence[Point], width: float, paint: Paint) -> None:
        """Draw a line with round joints and ends, `width` in units of the sheet."""
        area = _area(points, margin=width)
        mask, dots = _blank(area), _within(points, area)
        pen = ImageDraw.Draw(mask)
        pen.line(dots, fill=255, width=round(width * DOTS))
        for dot in dots:
            pen.circle(dot, width * DOTS / 2 - 1, fill=255)
        self._paint(area, mask, paint)

    def shade(self, outline: Sequence[Point], tone: Colour = DUSK, strength: float = 0.16) -> None:
        """Tint what is already drawn inside an outline; bare sheet stays bare."""
        area, mask = _stencil(outline)
        drawn = ImageChops.multiply(mask, self.image.getchannel("A").crop(area))
        self._paint(area, drawn.point(lambda share: round(share * strength)), tone)

    def _paint(self, area: Area, mask: Image.Image, paint: Paint) -> None:
        self.image.paste(paint.crop(area) if isinstance(paint, Image.Image) else paint, area, mask)


def box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """The outline of a rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def arc(centre: Point, across: float, down: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points on an ellipse with radii `across` and `down`; degrees run clockwise from the right."""
    steps = 60
    angles = [radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(centre[0] + across * cos(angle), centre[1] + down * sin(angle)) for angle in angles]


def curve(points: Sequence[Point], closed: bool = False) -> list[Point]:
    """A smooth line through all the points: a Catmull–Rom spline."""
    ring = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    line = [_between(ring[i : i + 4], step / 12) for i in range(len(ring) - 3) for step in range(12)]
    return line if closed else [*line, points[-1]]


def _between(four: Sequence[Point], t: float) -> Point:
    """The Catmull–Rom point at `t` (0 to 1) between the second and the third of four points."""
    weights = (
        -0.5 * t + t * t - 0.5 * t**3,
        1 - 2.5 * t * t + 1.5 * t**3,
        0.5 * t + 2 * t * t - 1.5 * t**3,
        -0.5 * t * t + 0.5 * t**3,
    )
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, four, strict=True)) for axis in (0, 1))
    return x, y


def rounded(corners: Sequence[Point], radius: float) -> list[Point]:
    """The outline of a polygon with its corners cut round, `radius` units from each corner."""
    outline: list[Point] = []
    for before, corner, after in zip([corners[-1], *corners[:-1]], corners, [*corners[1:], corners[0]], strict=True):
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        for step in range(9):
            t = step / 8
            outline.append(
                (
                    (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * corner[0] + t * t * end[0],
                    (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * corner[1] + t * t * end[1],
                )
            )
    return outline


def _towards(start: Point, end: Point, distance: float) -> Point:
    across, down = end[0] - start[0], end[1] - start[1]
    share = min(0.5, distance / ((across**2 + down**2) ** 0.5))
    return start[0] + across * share, start[1] + down * share


def _stencil(outline: Sequence[Point]) -> tuple[Area, Image.Image]:
    """The part of the sheet an outline takes up, and its inside there: 255 in, 0 out."""
    area = _area(outline)
    mask = _blank(area)
    ImageDraw.Draw(mask).polygon(_within(outline, area), fill=255)
    return area, mask


def _area(points: Sequence[Point], margin: float = 0.1) -> Area:
    """The smallest part of the sheet around some points, in dots: left, top, right, bottom."""
    (left, *_, right), (top, *_, bottom) = (sorted(point[axis] for point in points) for axis in (0, 1))
    edges = (left - margin, top - margin, right + margin, bottom + margin)
    left, top, right, bottom = (min(max(round(edge * DOTS), 0), SIDE) for edge in edges)
    return left, top, right, bottom


def _blank(area: Area) -> Image.Image:
    left, top, right, bottom = area
    return Image.new("L", (right - left, bottom - top))


def _within(points: Sequence[Point], area: Area) -> list[Point]:
    return [(x * DOTS - area[0], y * DOTS - area[1]) for x, y in points]
