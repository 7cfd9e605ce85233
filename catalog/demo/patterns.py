"""Patterns of objects: RGB pictures of the size of the canvas. `pitch` is the distance of repetition in pixels."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from catalog.demo.canvas import CANVAS_SIDE
from catalog.demo.palette import Colour


def plain(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """A single colour."""
    return Image.new("RGB", (CANVAS_SIDE, CANVAS_SIDE), main)


def stripes(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Vertical stripes."""
    pattern = plain(main, second, pitch)
    drawing = ImageDraw.Draw(pattern)
    for x in range(pitch // 2, CANVAS_SIDE, pitch):
        drawing.rectangle((x, 0, x + pitch * 2 // 5, CANVAS_SIDE), fill=second)
    return pattern


def dots(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Rows of dots, offset by half the pitch."""
    pattern = plain(main, second, pitch)
    drawing = ImageDraw.Draw(pattern)
    for row, y in enumerate(range(0, CANVAS_SIDE + pitch, pitch)):
        for x in range(pitch // 2 * (row % 2), CANVAS_SIDE + pitch, pitch):
            drawing.circle((x, y), pitch * 0.24, fill=second)
    return pattern


def checks(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Gingham: two sets of translucent bands, darker where they cross."""
    pattern = plain(main, second, pitch)
    bands = Image.new("L", (CANVAS_SIDE, CANVAS_SIDE))
    drawing = ImageDraw.Draw(bands)
    for start in range(0, CANVAS_SIDE, pitch):
        drawing.rectangle((start, 0, start + pitch // 2, CANVAS_SIDE), fill=110)
    for mask in (bands, bands.transpose(Image.Transpose.ROTATE_90)):
        pattern.paste(second, (0, 0, CANVAS_SIDE, CANVAS_SIDE), mask)
    return pattern


PATTERNS: tuple[Callable[[Colour, Colour, int], Image.Image], ...] = (plain, stripes, dots, checks)
