"""The pattern and colours of one object."""

from dataclasses import dataclass

from PIL import Image

from catalog.demo.palette import Colour


@dataclass(frozen=True)
class Style:
    """The pattern of an object, an RGB picture of the size of the canvas, and the colours of the object."""

    pattern: Image.Image
    main: Colour
    second: Colour
    trim: Colour
