"""A rectangle of a picture, as a person drew it."""

import math
import re
from dataclasses import dataclass

from PIL import Image

from catalog.exceptions import CropRefused
from catalog.imaging.decoding import Picture

FOUR_NUMBERS = re.compile(r"\s*,\s*".join([r"\s*(-?[0-9]{1,9})", *["(-?[0-9]{1,9})"] * 3]) + r"\s*")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright, full-size picture; (x, y) is its upper left corner.

    Raises:
        CropRefused: a corner is left of or above the picture, or a side is not positive.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise CropRefused(
                "The crop {box} is empty. Draw one that is at least one pixel wide and high.", box=str(self)
            )
        if self.x < 0 or self.y < 0:
            raise CropRefused(
                "The crop {box} begins outside the picture. Its corner can be 0,0 at the least.",
                box=str(self),
            )

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"


def parse(text: str) -> Box:
    """The box written as "x,y,width,height", whole numbers of pixels.

    Raises:
        CropRefused: `text` is anything else, or not a box.
    """
    match = FOUR_NUMBERS.fullmatch(text)
    if match is None:
        raise CropRefused(
            "“{text}” is not a crop. Write four whole numbers, x,y,width,height, in pixels: 40,0,200,150.",
            text=text[:100],
        )
    return Box(*map(int, match.groups()))


def crop(picture: Picture, box: Box) -> Image.Image:
    """The part of `picture` inside `box`, mode RGB, at the scale the picture was decoded at.

    Every pixel that the box touches is in it, so that a reduced picture still gives at least one.

    Raises:
        CropRefused: the box reaches beyond the picture.
    """
    if box.x + box.width > picture.width or box.y + box.height > picture.height:
        raise CropRefused(
            "The crop {box} reaches beyond the picture, which is {width} × {height} pixels.",
            box=str(box),
            width=picture.width,
            height=picture.height,
        )
    across, down = picture.rgb.width / picture.width, picture.rgb.height / picture.height
    return picture.rgb.crop(
        (
            math.floor(box.x * across),
            math.floor(box.y * down),
            math.ceil((box.x + box.width) * across),
            math.ceil((box.y + box.height) * down),
        )
    )
