"""A square canvas for drawing one object, upright, in coordinates from 0 to 100 (x to the right, y down)."""

from collections.abc import Sequence
from math import cos, radians, sin

from PIL import Image, ImageChops, ImageDraw

from catalog.demo.palette import Colour

Point = tuple[float, float]
Paint = Colour | Image.Image
PixelBox = tuple[int, int, int, int]

# Pillow does not antialias. The canvas is drawn at about four times the resolution of a picture: shrinking it smooths
# the edges.
PIXELS_PER_UNIT = 16
CANVAS_SIDE = 100 * PIXELS_PER_UNIT

SHADE_COLOUR = (20, 20, 40)


class Canvas:
    """A transparent canvas. `image` is RGBA, 1600 × 1600 pixels, each either fully transparent or opaque."""

    def __init__(self) -> None:
        self.image = Image.new("RGBA", (CANVAS_SIDE, CANVAS_SIDE))

    def fill(self, outline: Sequence[Point], paint: Paint) -> None:
        """Fill a closed outline with a colour, or with the same area of an RGB image of the size of the canvas."""
        box, mask = _outline_mask(outline)
        self._paint(box, mask, paint)

    def line(self, points: Sequence[Point], width: float, paint: Paint) -> None:
        """Draw a line with round joints and ends; `width` is in units of the canvas."""
        box = _pixel_box(points, margin=width)
        mask, pixels = _blank_mask(box), _to_pixels(points, box)
        drawing = ImageDraw.Draw(mask)
        drawing.line(pixels, fill=255, width=round(width * PIXELS_PER_UNIT))
        for pixel in pixels:
            drawing.circle(pixel, width * PIXELS_PER_UNIT / 2 - 1, fill=255)
        self._paint(box, mask, paint)

    def shade(self, outline: Sequence[Point], tone: Colour = SHADE_COLOUR, strength: float = 0.16) -> None:
        """Tint the drawn pixels inside an outline; transparent pixels stay transparent."""
        box, mask = _outline_mask(outline)
        drawn = ImageChops.multiply(mask, self.image.getchannel("A").crop(box))
        self._paint(box, drawn.point(lambda alpha: round(alpha * strength)), tone)

    def _paint(self, box: PixelBox, mask: Image.Image, paint: Paint) -> None:
        self.image.paste(paint.crop(box) if isinstance(paint, Image.Image) else paint, box, mask)


def rectangle(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """Return the outline of a rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def ellipse_arc(centre: Point, x_radius: float, y_radius: float, start: float = 0, end: float = 360) -> list[Point]:
    """Return points on an arc of an ellipse. `start` and `end` are degrees, clockwise from the right."""
    steps = 60
    angles = [radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(centre[0] + x_radius * cos(angle), centre[1] + y_radius * sin(angle)) for angle in angles]


def spline(points: Sequence[Point], closed: bool = False) -> list[Point]:
    """Return a smooth line through all points: a Catmull–Rom spline."""
    control_points = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    line = [
        _catmull_rom_point(control_points[i : i + 4], step / 12)
        for i in range(len(control_points) - 3)
        for step in range(12)
    ]
    return line if closed else [*line, points[-1]]


def _catmull_rom_point(points: Sequence[Point], t: float) -> Point:
    """Return the Catmull–Rom point at `t` (0 to 1) between the second and the third of four points."""
    weights = (
        -0.5 * t + t * t - 0.5 * t**3,
        1 - 2.5 * t * t + 1.5 * t**3,
        0.5 * t + 2 * t * t - 1.5 * t**3,
        -0.5 * t * t + 0.5 * t**3,
    )
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, points, strict=True)) for axis in (0, 1))
    return x, y


def rounded_polygon(corners: Sequence[Point], radius: float) -> list[Point]:
    """Return the outline of a polygon with rounded corners, which start `radius` units before each corner."""
    outline: list[Point] = []
    for before, corner, after in zip([corners[-1], *corners[:-1]], corners, [*corners[1:], corners[0]], strict=True):
        start, end = _point_towards(corner, before, radius), _point_towards(corner, after, radius)
        for step in range(9):
            t = step / 8
            outline.append(
                (
                    (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * corner[0] + t * t * end[0],
                    (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * corner[1] + t * t * end[1],
                )
            )
    return outline


def _point_towards(start: Point, end: Point, distance: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    fraction = min(0.5, distance / ((dx**2 + dy**2) ** 0.5))
    return start[0] + dx * fraction, start[1] + dy * fraction


def _outline_mask(outline: Sequence[Point]) -> tuple[PixelBox, Image.Image]:
    """Return the bounding box of an outline, and a mask of that size: 255 inside the outline, 0 outside."""
    box = _pixel_box(outline)
    mask = _blank_mask(box)
    ImageDraw.Draw(mask).polygon(_to_pixels(outline, box), fill=255)
    return box, mask


def _pixel_box(points: Sequence[Point], margin: float = 0.1) -> PixelBox:
    """Return the bounding box of points, clipped to the canvas, in pixels: left, top, right, bottom."""
    (left, *_, right), (top, *_, bottom) = (sorted(point[axis] for point in points) for axis in (0, 1))
    edges = (left - margin, top - margin, right + margin, bottom + margin)
    left, top, right, bottom = (min(max(round(edge * PIXELS_PER_UNIT), 0), CANVAS_SIDE) for edge in edges)
    return left, top, right, bottom


def _blank_mask(box: PixelBox) -> Image.Image:
    left, top, right, bottom = box
    return Image.new("L", (right - left, bottom - top))


def _to_pixels(points: Sequence[Point], box: PixelBox) -> list[Point]:
    return [(x * PIXELS_PER_UNIT - box[0], y * PIXELS_PER_UNIT - box[1]) for x, y in points]
