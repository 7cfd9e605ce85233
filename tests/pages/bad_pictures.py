"""What people send that is no picture to search with, each with words of the sentence that answers it."""

import zlib

from tests.imaging.pictures import chunk, corners, encoded, png_header

WHOLE = encoded(corners(160, 120), "JPEG")
GIGAPIXELS = png_header(60_000, 60_000) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")

REFUSED = {
    "empty": ("empty.jpg", b"", "The file is empty."),
    "text": ("letter.jpg", b"Dear madam, " * 20, "This is not a picture, whatever its name says."),
    "truncated": ("half.jpg", WHOLE[: len(WHOLE) // 2], "ends in the middle"),
    "bomb": ("bomb.png", GIGAPIXELS, "60000 × 60000 pixels"),
    "svg": ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "This is an SVG"),
    "one pixel": ("dot.png", encoded(corners(1, 1), "PNG"), "1 × 1 pixels; each side needs 16"),
    "long side": ("strip.png", encoded(corners(30_001, 20).convert("1"), "PNG"), "a side may have 30,000"),
    "a film": ("film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 90, "“mp42” are not taken"),
}

NAMES = {
    "parent folders": ("../../etc/passwd.jpg", "passwd.jpg"),
    "NUL": ("a\0b.jpg", "ab.jpg"),
    "emoji": ("🦊 in the snow.jpg", "🦊 in the snow.jpg"),
    "long": ("n" * 300 + ".jpg", "nnn.jpg"),
    "markup": ("<script>alert(1)</script>.jpg", "script>.jpg"),
}
