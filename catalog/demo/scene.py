"""Composition of an object with a background and a shadow."""

from PIL import Image, ImageFilter

Point = tuple[float, float]


def pose(object_image: Image.Image, mirrored: bool, tilt: float, max_size: Point) -> Image.Image:
    """Mirror an RGBA object, rotate it by `tilt` degrees, crop it and scale it to fit `max_size` (pixels)."""
    if mirrored:
        object_image = object_image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # Halving the size first smooths the edges and makes the rotation fast.
    rotated = object_image.reduce(2).rotate(tilt, Image.Resampling.BILINEAR, expand=True)
    cropped = rotated.crop(rotated.getbbox())
    scale = min(max_size[0] / cropped.width, max_size[1] / cropped.height)
    return cropped.resize((round(cropped.width * scale), round(cropped.height * scale)), Image.Resampling.HAMMING)


def paste_with_shadow(object_image: Image.Image, picture: Image.Image, centre: Point, standing: bool) -> None:
    """Paste an RGBA object with a soft shadow into an RGB `picture`; `centre` is in pixels."""
    left, top = round(centre[0] - object_image.width / 2), round(centre[1] - object_image.height / 2)
    shape = object_image.getchannel("A")
    if standing:
        _cast_ground_shadow(shape, picture, left, top)
    else:
        _drop_shadow(shape, picture, left, top)
    picture.paste(object_image, (left, top), object_image)


def _cast_ground_shadow(shape: Image.Image, picture: Image.Image, left: int, top: int) -> None:
    """Draw the shadow on the ground: the squashed and sheared shape, for light from the upper left."""
    width, height = shape.size
    shadow_height, shear = height // 4, width // 3
    squashed = shape.resize((width, shadow_height))
    sheared = squashed.transform(
        (width + shear, shadow_height),
        Image.Transform.AFFINE,
        (1, shear / shadow_height, -shear, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )
    _darken(sheared, picture, left, top + height - shadow_height, 0.3)


def _drop_shadow(shape: Image.Image, picture: Image.Image, left: int, top: int) -> None:
    """Draw the shadow of a lying object, slightly to the lower right."""
    _darken(shape, picture, left + 9, top + 13, 0.3)


def _darken(shape: Image.Image, picture: Image.Image, left: int, top: int, strength: float) -> None:
    shadow = Image.new("L", picture.size)
    shadow.paste(shape.point(lambda alpha: round(alpha * strength)), (left, top))
    picture.paste((40, 30, 55), (0, 0, *picture.size), shadow.filter(ImageFilter.GaussianBlur(7)))
