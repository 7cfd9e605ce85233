"""JPEG files with many scans."""

from PIL import Image

from tests.imaging.sample_pictures import encode


def jpeg_with_scans(side: int, extra: int) -> bytes:
    """A progressive JPEG of side × side pixels with six scans, and the last of them `extra` times more."""
    data = encode(Image.linear_gradient("L").resize((side, side)), "JPEG", progressive=True, quality=30)
    scan = data.rindex(b"\xff\xda")
    return data[:scan] + data[scan:-2] * (extra + 1) + data[-2:]
