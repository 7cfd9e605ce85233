"""An object before a background, with its shadow."""

from PIL import Image, ImageFilter

Point = tuple[float, float]


def posed(thing: Image.Image, mirrored: bool, tilt: float, room: Point) -> Image.Image:
    """An RGBA thing, perhaps mirrored, turned by `tilt` degrees, cut free and scaled to fill `room` (px)."""
    if mirrored:
        thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # Halving first makes the edges smooth before they are turned, and turning cheap.
    turned = thing.reduce(2).rotate(tilt, Image.Resampling.BILINEAR, expand=True)
    cut = turned.crop(turned.getbbox())
    scale = min(room[0] / cut.width, room[1] / cut.height)
    return cut.resize((round(cut.width * scale), round(cut.height * scale)), Image.Resampling.HAMMING)


def place(thing: Image.Image, picture: Image.Image, centre: Point, standing: bool) -> None:
    """Paste an RGBA `thing` into an RGB `picture`, its middle at `centre` (px), over its own soft shadow."""
    left, top = round(centre[0] - thing.width / 2), round(centre[1] - thing.height / 2)
    shape = thing.getchannel("A")
    if standing:
        _cast(shape, picture, left, top)
    else:
        _drop(shape, picture, left, top)
    picture.paste(thing, (left, top), thing)


def _cast(shape: Image.Image, picture: Image.Image, left: int, top: int) -> None:
    """A shadow on the ground: the shape laid flat, leaning away from the light at the upper left."""
    width, height = shape.size
    flat, lean = height // 4, width // 3
    squashed = shape.resize((width, flat))
    leaning = squashed.transform(
        (width + lean, flat),
        Image.Transform.AFFINE,
        (1, lean / flat, -lean, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    _darken(leaning, picture, left, top + height - flat, 0.3)


def _drop(shape: Image.Image, picture: Image.Image, left: int, top: int) -> None:
    """A shadow on the paper an object lies on."""
    _darken(shape, picture, left + 9, top + 13, 0.3)


def _darken(shape: Image.Image, picture: Image.Image, left: int, top: int, strength: float) -> None:
    shadow = Image.new("L", picture.size)
    shadow.paste(shape.point(lambda alpha: round(alpha * strength)), (left, top))
    picture.paste((40, 30, 55), (0, 0, *picture.size), shadow.filter(ImageFilter.GaussianBlur(7)))
