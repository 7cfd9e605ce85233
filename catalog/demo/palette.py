"""Colour schemes of the demo pictures."""

from dataclasses import dataclass

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class ColourScheme:
    """The colours of an object (`main`, `second` for its pattern, `trim` for details) and of matching walls."""

    main: Colour
    second: Colour
    trim: Colour
    walls: tuple[Colour, ...]


def blend(one: Colour, other: Colour, amount: float) -> Colour:
    """Mix two colours; `amount` (0 to 1) is the fraction of `other`."""
    red, green, blue = (round(a + (b - a) * amount) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _parse_colour(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def _parse_scheme(main: str, second: str, trim: str, walls: str) -> ColourScheme:
    return ColourScheme(
        _parse_colour(main), _parse_colour(second), _parse_colour(trim), tuple(map(_parse_colour, walls.split()))
    )


SCHEMES = (
    _parse_scheme("d8593f", "f9d8c2", "5b2b27", "f6ecdf bcd9d3 f2c9b0"),  # terracotta
    _parse_scheme("1f8a80", "c9ece2", "16403f", "f3efe4 f4cdb9 d7e6d4"),  # teal
    _parse_scheme("e9a92f", "fff0c9", "5c3d1c", "e4e9ee c4d6c6 efdcd0"),  # mustard
    _parse_scheme("2f5597", "d3e2f5", "1d2a4d", "fbf0d6 f1d0c5 cfe0ea"),  # blue
    _parse_scheme("d9748a", "fde3e6", "6a2a40", "eaf0e6 cfe1e6 f7e6cf"),  # rose
    _parse_scheme("6f8a3a", "e6edc4", "34421c", "f7ead2 e9d3c4 dfe6ea"),  # olive
    _parse_scheme("7a4f9a", "e9d9f3", "362147", "f3ead9 d5e4d3 e5d8ee"),  # plum
    _parse_scheme("3ea0cf", "d8f1fb", "1c4560", "fdeed3 f6d7cc e2e4ea"),  # sky
    _parse_scheme("b5432f", "f3c65f", "3f1d1a", "dcebe8 ead9bf e9e6e1"),  # brick and gold
)
