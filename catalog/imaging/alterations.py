"""Alterations of pictures, as copies on the web have undergone them: to measure whether copies are found."""

import io
from collections.abc import Callable

from PIL import Image, ImageFilter, ImageOps

Alteration = Callable[[Image.Image], Image.Image]


def crop_centre(picture: Image.Image) -> Image.Image:
    """Keep the middle half of the width and of the height."""
    width, height = max(1, picture.width // 2), max(1, picture.height // 2)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def crop_corner(picture: Image.Image) -> Image.Image:
    """Keep 60 % of the width and of the height, from the upper left corner."""
    return picture.crop((0, 0, max(1, picture.width * 3 // 5), max(1, picture.height * 3 // 5)))


def degrade(picture: Image.Image) -> Image.Image:
    """Blur, mirror, and save as JPEG of low quality."""
    out = io.BytesIO()
    radius = max(picture.size) / 150
    ImageOps.mirror(picture).filter(ImageFilter.GaussianBlur(radius)).save(out, "JPEG", quality=10)
    return Image.open(out).convert("RGB")


def recompress(picture: Image.Image) -> Image.Image:
    """Save as JPEG with quality 40."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=40)
    return Image.open(out).convert("RGB")


def half_size(picture: Image.Image) -> Image.Image:
    """Scale to half the width and height."""
    return picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)), Image.Resampling.LANCZOS)


def crop_edges(picture: Image.Image) -> Image.Image:
    """Cut off a tenth at each edge."""
    x, y = picture.width // 10, picture.height // 10
    return picture.crop((x, y, picture.width - x, picture.height - y))


def rotate(picture: Image.Image) -> Image.Image:
    """Rotate by five degrees, with white corners."""
    return picture.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


# Strong alterations, on which projections differ.
ALTERATIONS: dict[str, Alteration] = {"crop_centre": crop_centre, "crop_corner": crop_corner, "degrade": degrade}
# Mild alterations, which every network should withstand. The names are keys of JSON results.
MILD_ALTERATIONS: dict[str, Alteration] = {
    "q40": recompress,
    "half": half_size,
    "crop10": crop_edges,
    "turn5": rotate,
    "mirror": ImageOps.mirror,
}
