"""Where an object is shown. Each takes the picture's size (px) and a wall colour and gives an RGB picture."""

from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from catalog.demo.palette import WHITE, Colour, mix

Size = tuple[int, int]
Background = Callable[[Size, Colour, Random], Image.Image]

INK = (60, 50, 70)
WOOD = (205, 160, 115)


def plain(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """One colour, as paper from a roll."""
    return Image.new("RGB", size, wall)


def gradient(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """Light from above, fading downwards."""
    fade = Image.linear_gradient("L").resize(size)
    return Image.composite(
        Image.new("RGB", size, mix(wall, INK, 0.22)), plain(size, mix(wall, WHITE, 0.45), chance), fade
    )


def spotlight(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """A pool of light behind the object."""
    fade = Image.radial_gradient("L").resize(size)
    return Image.composite(
        Image.new("RGB", size, mix(wall, INK, 0.25)), plain(size, mix(wall, WHITE, 0.4), chance), fade
    )


def table(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """A wooden table top before a wall."""
    width, height = size
    edge = round(height * chance.uniform(0.62, 0.7))
    picture = gradient(size, wall, chance)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, edge, width, height), fill=WOOD)
    for _ in range(7):
        y, x = chance.randint(edge + 8, height), chance.randint(-width // 3, width)
        pen.line((x, y, x + width // 2, y), fill=mix(WOOD, INK, 0.12), width=2)
    pen.line((0, edge, width, edge), fill=mix(WOOD, WHITE, 0.3), width=3)
    return picture


def room(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """A wall with a skirting board, a floor, and the light of a window on the wall."""
    width, height = size
    edge = round(height * chance.uniform(0.66, 0.72))
    picture = plain(size, wall, chance)
    _window(picture, chance.uniform(0.1, 0.5) * width, mix(wall, WHITE, 0.4))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, edge, width, height), fill=mix(wall, INK, 0.24))
    pen.rectangle((0, edge - 16, width, edge), fill=mix(wall, WHITE, 0.55))
    return picture


def soft_shapes(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """Large round shapes out of focus."""
    width, height = size
    picture = plain(size, wall, chance)
    pen = ImageDraw.Draw(picture)
    for share in (0.14, -0.35, 0.08, -0.5):
        centre = chance.uniform(0, width), chance.uniform(0, height)
        pen.circle(
            centre,
            chance.uniform(0.18, 0.34) * height,
            fill=mix(wall, INK if share > 0 else WHITE, abs(share)),
        )
    return picture.filter(ImageFilter.GaussianBlur(14))


def paper(size: Size, wall: Colour, chance: Random) -> Image.Image:
    """Handmade paper: fine fibres and a faint cloudiness."""
    width, height = size
    picture = plain(size, wall, chance)
    pen = ImageDraw.Draw(picture)
    for _ in range(420):
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        tone = mix(wall, chance.choice((INK, WHITE)), chance.uniform(0.05, 0.3))
        pen.line((x, y, x + chance.uniform(-9, 9), y + chance.uniform(-9, 9)), fill=tone, width=2)
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def _window(picture: Image.Image, left: float, light: Colour) -> None:
    """Four slanted panes of sunlight."""
    layer = Image.new("L", picture.size)
    pen = ImageDraw.Draw(layer)
    width, height = picture.size
    pane, tall, slant = width * 0.16, height * 0.22, width * 0.06
    for column in (0, 1):
        for row in (0, 1):
            x, y = left + column * pane * 1.12 - row * slant, height * 0.06 + row * tall * 1.08
            pen.polygon([(x, y), (x + pane, y), (x + pane - slant, y + tall), (x - slant, y + tall)], fill=255)
    picture.paste(light, (0, 0, width, height), layer.filter(ImageFilter.GaussianBlur(2)))


STANDING: tuple[Background, ...] = (table, plain, room, gradient, soft_shapes, spotlight)
LYING: tuple[Background, ...] = (paper, plain, soft_shapes, gradient, spotlight)
