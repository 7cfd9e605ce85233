"""The orientation in which a picture was taken (the Orientation tag: Exif 2.32, 4.6.4 A)."""

from PIL import ExifTags, Image

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
AXIS_SWAPPING_ORIENTATIONS = {5, 6, 7, 8}


def read_orientation(image: Image.Image) -> int:
    """Return the orientation that has yet to be applied, 1 to 8; 1 if there is none or the metadata are invalid.

    Call it after `image.load()`: a PNG may store its Exif after the pixels, and Pillow's TIFF decoder and pillow-heif
    rotate the pixels while loading and remove the tag.
    """
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # invalid metadata are no reason to reject a picture
        return 1
    return value if value in TRANSPOSES else 1


def apply_orientation(image: Image.Image, orientation_tag: int) -> Image.Image:
    """Return the upright picture; `image` itself if it is upright already."""
    return image.transpose(TRANSPOSES[orientation_tag]) if orientation_tag in TRANSPOSES else image
