"""What one object wears."""

from dataclasses import dataclass

from PIL import Image

from catalog.demo.palette import Colour


@dataclass(frozen=True)
class Dress:
    """`cloth` is a sheet-sized RGB picture of the pattern; the colours are those it was made from."""

    cloth: Image.Image
    main: Colour
    second: Colour
    trim: Colour
