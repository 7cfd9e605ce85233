"""Rectangular crops of a picture."""

import math
import re
from dataclasses import dataclass

from PIL import Image

from catalog.exceptions import CropRejected
from catalog.imaging.decoding import Picture

BOX_PATTERN = re.compile(r"\s*,\s*".join([r"\s*(-?[0-9]{1,9})", *["(-?[0-9]{1,9})"] * 3]) + r"\s*")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright, full-size picture; (x, y) is its upper left corner.

    Raises:
        CropRejected: x or y is negative, or a side is not positive.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise CropRejected(
                "The selected area {box} is empty. It must be at least 1 pixel wide and high.", box=str(self)
            )
        if self.x < 0 or self.y < 0:
            raise CropRejected(
                "The selected area {box} starts outside the picture. x and y must be 0 or more.", box=str(self)
            )

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"


def parse_box(text: str) -> Box:
    """Parse "x,y,width,height", four whole numbers of pixels.

    Raises:
        CropRejected: `text` has another format, or is not a valid box.
    """
    match = BOX_PATTERN.fullmatch(text)
    if match is None:
        raise CropRejected(
            "“{text}” is not a valid area. Use x,y,width,height in whole pixels, for example 40,0,200,150.",
            text=text[:100],
        )
    return Box(*map(int, match.groups()))


def crop(picture: Picture, box: Box) -> Image.Image:
    """Return the area of `picture` inside `box`: mode RGB, at the scale at which the picture was decoded.

    Partly covered pixels are included, so that the crop of a reduced picture has at least one pixel.

    Raises:
        CropRejected: the box extends beyond the picture.
    """
    if box.x + box.width > picture.width or box.y + box.height > picture.height:
        raise CropRejected(
            "The selected area {box} extends beyond the picture, which is {width} × {height} pixels.",
            box=str(box),
            width=picture.width,
            height=picture.height,
        )
    scale_x, scale_y = picture.rgb.width / picture.width, picture.rgb.height / picture.height
    return picture.rgb.crop(
        (
            math.floor(box.x * scale_x),
            math.floor(box.y * scale_y),
            math.ceil((box.x + box.width) * scale_x),
            math.ceil((box.y + box.height) * scale_y),
        )
    )
