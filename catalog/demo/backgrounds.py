"""Backgrounds of objects. Each function takes a size in pixels and a wall colour, and returns an RGB picture."""

from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from catalog.demo.palette import WHITE, Colour, blend

Size = tuple[int, int]
Background = Callable[[Size, Colour, Random], Image.Image]

SHADOW_TONE = (60, 50, 70)
WOOD = (205, 160, 115)


def plain(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """A single colour."""
    return Image.new("RGB", size, wall)


def gradient(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """Light from above, fading downwards."""
    fade = Image.linear_gradient("L").resize(size)
    return Image.composite(
        Image.new("RGB", size, blend(wall, SHADOW_TONE, 0.22)), plain(size, blend(wall, WHITE, 0.45), rng), fade
    )


def spotlight(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """A spot of light behind the object."""
    fade = Image.radial_gradient("L").resize(size)
    return Image.composite(
        Image.new("RGB", size, blend(wall, SHADOW_TONE, 0.25)), plain(size, blend(wall, WHITE, 0.4), rng), fade
    )


def table(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """A wooden table top in front of a wall."""
    width, height = size
    edge = round(height * rng.uniform(0.62, 0.7))
    picture = gradient(size, wall, rng)
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, edge, width, height), fill=WOOD)
    for _ in range(7):
        y, x = rng.randint(edge + 8, height), rng.randint(-width // 3, width)
        drawing.line((x, y, x + width // 2, y), fill=blend(WOOD, SHADOW_TONE, 0.12), width=2)
    drawing.line((0, edge, width, edge), fill=blend(WOOD, WHITE, 0.3), width=3)
    return picture


def room(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """A wall with a skirting board and the light of a window, and a floor."""
    width, height = size
    edge = round(height * rng.uniform(0.66, 0.72))
    picture = plain(size, wall, rng)
    _draw_window_light(picture, rng.uniform(0.1, 0.5) * width, blend(wall, WHITE, 0.4))
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, edge, width, height), fill=blend(wall, SHADOW_TONE, 0.24))
    drawing.rectangle((0, edge - 16, width, edge), fill=blend(wall, WHITE, 0.55))
    return picture


def soft_shapes(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """Large circles out of focus."""
    width, height = size
    picture = plain(size, wall, rng)
    drawing = ImageDraw.Draw(picture)
    for amount in (0.14, -0.35, 0.08, -0.5):
        centre = rng.uniform(0, width), rng.uniform(0, height)
        drawing.circle(
            centre,
            rng.uniform(0.18, 0.34) * height,
            fill=blend(wall, SHADOW_TONE if amount > 0 else WHITE, abs(amount)),
        )
    return picture.filter(ImageFilter.GaussianBlur(14))


def paper(size: Size, wall: Colour, rng: Random) -> Image.Image:
    """Handmade paper with fine fibres."""
    width, height = size
    picture = plain(size, wall, rng)
    drawing = ImageDraw.Draw(picture)
    for _ in range(420):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        tone = blend(wall, rng.choice((SHADOW_TONE, WHITE)), rng.uniform(0.05, 0.3))
        drawing.line((x, y, x + rng.uniform(-9, 9), y + rng.uniform(-9, 9)), fill=tone, width=2)
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def _draw_window_light(picture: Image.Image, left: float, colour: Colour) -> None:
    """Four slanted panes of sunlight."""
    layer = Image.new("L", picture.size)
    drawing = ImageDraw.Draw(layer)
    width, height = picture.size
    pane_width, pane_height, slant = width * 0.16, height * 0.22, width * 0.06
    for column in (0, 1):
        for row in (0, 1):
            x, y = left + column * pane_width * 1.12 - row * slant, height * 0.06 + row * pane_height * 1.08
            drawing.polygon(
                [(x, y), (x + pane_width, y), (x + pane_width - slant, y + pane_height), (x - slant, y + pane_height)],
                fill=255,
            )
    picture.paste(colour, (0, 0, width, height), layer.filter(ImageFilter.GaussianBlur(2)))


STANDING_BACKGROUNDS: tuple[Background, ...] = (table, plain, room, gradient, soft_shapes, spotlight)
LYING_BACKGROUNDS: tuple[Background, ...] = (paper, plain, soft_shapes, gradient, spotlight)
