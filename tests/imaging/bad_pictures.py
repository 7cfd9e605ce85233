"""Files that are rejected as pictures, each with words of the error message."""

import zlib

from tests.imaging.sample_pictures import coloured_corners, encode, png_chunk, png_header

VALID_JPEG = encode(coloured_corners(160, 120), "JPEG")
GIGAPIXEL_PNG = png_header(60_000, 60_000) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + png_chunk(b"IEND", b"")

REJECTED_FILES = {
    "empty": ("empty.jpg", b"", "The file is empty."),
    "text": ("letter.jpg", b"Dear madam, " * 20, "This file isn't a picture."),
    "truncated": ("half.jpg", VALID_JPEG[: len(VALID_JPEG) // 2], "This JPEG file is incomplete."),
    "bomb": ("bomb.png", GIGAPIXEL_PNG, "60000 × 60000 pixels"),
    "svg": ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG isn't supported."),
    "one pixel": (
        "dot.png",
        encode(coloured_corners(1, 1), "PNG"),
        "1 × 1 pixels; each side must be at least 16 pixels",
    ),
    "long side": (
        "strip.png",
        encode(coloured_corners(30_001, 20).convert("1"), "PNG"),
        "each side can be at most 30,000 pixels",
    ),
    "film": ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 90, "“mp42” files aren't supported"),
}

UNSAFE_NAMES = {
    "parent folders": ("../../etc/passwd.jpg", "passwd.jpg"),
    "NUL": ("a\0b.jpg", "ab.jpg"),
    "emoji": ("🦊 in the snow.jpg", "🦊 in the snow.jpg"),
    "long": ("n" * 300 + ".jpg", "nnn.jpg"),
    "markup": ("<script>alert(1)</script>.jpg", "script>.jpg"),
}
