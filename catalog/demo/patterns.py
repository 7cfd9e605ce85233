"""What the cloth of an object looks like: one sheet-sized picture a pattern, to be cut out by an outline."""

from collections.abc import Callable

from PIL import Image, ImageDraw

from catalog.demo.brush import SIDE
from catalog.demo.palette import Colour


def plain(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """One colour."""
    return Image.new("RGB", (SIDE, SIDE), main)


def stripes(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Upright stripes, `pitch` px from one to the next."""
    cloth = plain(main, second, pitch)
    pen = ImageDraw.Draw(cloth)
    for x in range(pitch // 2, SIDE, pitch):
        pen.rectangle((x, 0, x + pitch * 2 // 5, SIDE), fill=second)
    return cloth


def dots(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Dots in rows set off by half a `pitch` (px)."""
    cloth = plain(main, second, pitch)
    pen = ImageDraw.Draw(cloth)
    for row, y in enumerate(range(0, SIDE + pitch, pitch)):
        for x in range(pitch // 2 * (row % 2), SIDE + pitch, pitch):
            pen.circle((x, y), pitch * 0.24, fill=second)
    return cloth


def checks(main: Colour, second: Colour, pitch: int) -> Image.Image:
    """Gingham: two sets of half-transparent bands, `pitch` px apart, which add up where they cross."""
    cloth = plain(main, second, pitch)
    bands = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(bands)
    for start in range(0, SIDE, pitch):
        pen.rectangle((start, 0, start + pitch // 2, SIDE), fill=110)
    for mask in (bands, bands.transpose(Image.Transpose.ROTATE_90)):
        cloth.paste(second, (0, 0, SIDE, SIDE), mask)
    return cloth


PATTERNS: tuple[Callable[[Colour, Colour, int], Image.Image], ...] = (plain, stripes, dots, checks)
