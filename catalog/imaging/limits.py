"""How large a picture may be before it is opened."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What `decode` takes; everything outside is refused before a pixel is decoded.

    Attributes:
        max_bytes: length of the encoded file.
        max_pixels: width × height.
        max_side: longer side, in pixels.
        min_side: shorter side, in pixels.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_side: int = 30_000
    min_side: int = 16
