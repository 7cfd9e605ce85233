"""The colours of the demo pictures, chosen to go together."""

from dataclasses import dataclass

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Scheme:
    """What an object wears: `main` with `second` for its pattern, details in `trim`; and walls it suits."""

    main: Colour
    second: Colour
    trim: Colour
    walls: tuple[Colour, ...]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _colour(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def _scheme(main: str, second: str, trim: str, walls: str) -> Scheme:
    return Scheme(_colour(main), _colour(second), _colour(trim), tuple(map(_colour, walls.split())))


SCHEMES = (
    _scheme("d8593f", "f9d8c2", "5b2b27", "f6ecdf bcd9d3 f2c9b0"),  # terracotta
    _scheme("1f8a80", "c9ece2", "16403f", "f3efe4 f4cdb9 d7e6d4"),  # teal
    _scheme("e9a92f", "fff0c9", "5c3d1c", "e4e9ee c4d6c6 efdcd0"),  # mustard
    _scheme("2f5597", "d3e2f5", "1d2a4d", "fbf0d6 f1d0c5 cfe0ea"),  # blue
    _scheme("d9748a", "fde3e6", "6a2a40", "eaf0e6 cfe1e6 f7e6cf"),  # rose
    _scheme("6f8a3a", "e6edc4", "34421c", "f7ead2 e9d3c4 dfe6ea"),  # olive
    _scheme("7a4f9a", "e9d9f3", "362147", "f3ead9 d5e4d3 e5d8ee"),  # plum
    _scheme("3ea0cf", "d8f1fb", "1c4560", "fdeed3 f6d7cc e2e4ea"),  # sky
    _scheme("b5432f", "f3c65f", "3f1d1a", "dcebe8 ead9bf e9e6e1"),  # brick and gold
)
