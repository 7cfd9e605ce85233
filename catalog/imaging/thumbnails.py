"""Thumbnails."""

from io import BytesIO

from PIL import Image

# Length of the longer side of an image's thumbnail, in pixels.
THUMBNAIL_SIDE = 400
QUALITY = 80


def encode_webp_thumbnail(rgb: Image.Image, max_side: int, *, quality: int = QUALITY) -> bytes:
    """Return `rgb` as WebP, with its longer side at most `max_side` pixels; a smaller picture keeps its size.

    The file has no metadata of the original: no location, camera or colour profile.
    """
    buffer = BytesIO()
    # By default Pillow copies the metadata of the picture. Method 4, the default, takes twice as long as method 2 and
    # saves 2 % of the bytes.
    downscale(rgb, max_side).save(buffer, "WEBP", quality=quality, method=2, icc_profile=b"", exif=b"", xmp=b"")
    return buffer.getvalue()


def encode_jpeg_thumbnail(rgb: Image.Image) -> bytes:
    """Return a picture from `downscale` as JPEG, without metadata. Used by imports, where speed matters.

    The fastest WebP method takes ten times as long to encode (a third of the time that a small network needs for the
    picture) and four times as long to decode, and saves no bytes. Method 2 saves 15 % at half that speed.
    """
    buffer = BytesIO()
    rgb.save(buffer, "JPEG", quality=QUALITY, icc_profile=b"", exif=b"", comment=b"")
    return buffer.getvalue()


def downscale(rgb: Image.Image, max_side: int) -> Image.Image:
    """Return `rgb` with its longer side at most `max_side` pixels; `rgb` itself if it is smaller."""
    scale = max_side / max(rgb.size)
    if scale >= 1:
        return rgb
    width, height = (max(1, round(length * scale)) for length in rgb.size)
    # Looks as sharp as bicubic, in two thirds of its time and half the time of Lanczos.
    return rgb.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)
