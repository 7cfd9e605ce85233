"""Small pictures for pages."""

from io import BytesIO

from PIL import Image

QUALITY = 80
METHOD = 2  # 4, the default, takes twice as long to save two bytes in a hundred


def thumbnail(rgb: Image.Image, side: int, *, quality: int = QUALITY) -> bytes:
    """`rgb` as WebP, its longer side at most `side` pixels; a smaller picture keeps its size.

    No metadata of the original comes along: neither place, nor camera, nor colour profile.
    """
    encoded = BytesIO()
    # Pillow copies these from the picture unless told otherwise.
    shrunk(rgb, side).save(encoded, "WEBP", quality=quality, method=METHOD, icc_profile=b"", exif=b"", xmp=b"")
    return encoded.getvalue()


def shrunk(rgb: Image.Image, side: int) -> Image.Image:
    """`rgb` with its longer side at most `side` pixels; a smaller picture as it is."""
    scale = side / max(rgb.size)
    if scale >= 1:
        return rgb
    width, height = (max(1, round(length * scale)) for length in rgb.size)
    return rgb.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def size_of(encoded: bytes) -> tuple[int, int]:
    """Width and height of a thumbnail, in pixels."""
    with Image.open(BytesIO(encoded), formats=("WEBP",)) as small:
        return small.size
