"""Which way up a picture was taken (the Orientation tag: Exif 2.32, 4.6.4 A)."""

from PIL import ExifTags, Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}


def orientation(loaded: Image.Image) -> int:
    """The turn that is still to be made, 1 to 8; 1 where none is, or where the metadata make no sense.

    Ask after loading: a PNG may keep its Exif behind the pixels, and Pillow's TIFF and pillow-heif turn
    the pixels themselves and strike the tag out.
    """
    try:
        value = loaded.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a picture is not refused for its metadata
        return 1
    return value if value in TURNS else 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(TURNS[turn]) if turn in TURNS else image
