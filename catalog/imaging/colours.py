"""Conversion of every colour mode and profile to 8-bit sRGB."""

from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple, cast

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
LAB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
# Large pictures are converted in strips, so that the memory of intermediate steps does not add up.
STRIP_PIXELS = 2**20
MODES_BY_COLOUR_SPACE = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}


def to_rgb(image: Image.Image) -> Image.Image:
    """Return `image` converted to sRGB: a new picture of mode RGB, without metadata. It may share its pixels.

    Greyscale with more than 8 bits is scaled to 8 bits, transparent pixels are blended with white, and an embedded
    ICC profile is applied if it is valid and matches the mode of the picture.
    """
    if image.mode == "RGB" and not image.info.get("icc_profile") and not image.has_transparency_data:
        rgb = image._new(image.im)  # a copy would take as much memory again
    elif image.width * image.height <= STRIP_PIXELS:
        rgb = _convert(image, _read_grey_scale(image))
    else:
        scale, rgb = _read_grey_scale(image), Image.new("RGB", image.size)
        for top, strip in _strips(image):
            rgb.paste(_convert(strip, scale), (0, top))
    rgb.info = {}
    return rgb


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the strips of a picture, each with the position of its upper edge."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _convert(image: Image.Image, scale: "GreyScale | None") -> Image.Image:
    opaque = _flatten_on_white(_to_eight_bit(image, scale) if scale else image)
    return _apply_profile(opaque, image.info.get("icc_profile")) or _convert_without_profile(opaque)


class GreyScale(NamedTuple):
    """How greyscale with more than 8 bits is scaled: `low` becomes black and `high` white; if inverted, the reverse."""

    low: float
    high: float
    is_inverted: bool


def _read_grey_scale(image: Image.Image) -> GreyScale | None:
    """Return how the values of a whole picture are scaled; None if it has 8 bits.

    Floats between 0 and 1 are scaled by that range, as image software does by convention; other floats, and integers
    of 32 bits, by their own minimum and maximum.
    """
    if image.mode not in {"I", "F"} and not image.mode.startswith("I;16"):
        return None
    # WhiteIsZero: in this TIFF, 0 is white.
    is_inverted = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
    if image.mode not in {"I", "F"}:
        return GreyScale(0, 0xFFFF, is_inverted)
    extremes = [extreme for _, strip in _strips(image) for extreme in _extremes(_finite(strip))]
    low, high = min(extremes), max(extremes)
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return GreyScale(low, high, is_inverted)


def _extremes(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _finite(image: Image.Image) -> np.ndarray:
    """Return the values of a picture as float32; those that are no finite number become 0."""
    return np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0, neginf=0)


def _to_eight_bit(image: Image.Image, scale: GreyScale) -> Image.Image:
    if image.mode in {"I", "F"}:
        grey = ((_finite(image) - scale.low) * (255 / ((scale.high - scale.low) or 1))).round().astype(np.uint8)
    else:
        grey = (np.asarray(image) >> 8).astype(np.uint8)
    if scale.is_inverted:
        grey = ~grey
    if isinstance(transparent_value := image.info.get("transparency"), int):
        grey[np.asarray(image) == transparent_value] = 255
    return Image.fromarray(grey)


def _flatten_on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    transparent_colour = image.info.get("transparency")
    if isinstance(transparent_colour, tuple) and max(transparent_colour) > 255:
        # A 16-bit PNG: Pillow keeps the upper 8 bits of the pixels, but all 16 of the transparent colour.
        image.info["transparency"] = tuple(value >> 8 for value in transparent_colour)
    mode = "L" if image.mode in {"1", "L", "LA", "La"} else "RGB"
    with_alpha = image.convert("LA" if mode == "L" else "RGBA")
    background = Image.new(mode, image.size, "white")
    background.paste(with_alpha.convert(mode), mask=with_alpha.getchannel("A"))
    return background


def _apply_profile(image: Image.Image, icc_profile: bytes | None) -> Image.Image | None:
    """Convert `image` to sRGB with its ICC profile; None if the profile is missing, invalid or of another mode."""
    if not icc_profile:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        mode = MODES_BY_COLOUR_SPACE[profile.profile.xcolor_space.strip()]
        if mode == "RGB" and "sRGB" in (profile.profile.profile_description or ""):
            return None
        source = image.convert("RGB") if mode == "RGB" and image.mode in {"P", "RGBX"} else image
        return _convert_to_srgb(source, profile) if source.mode == mode else None
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError, KeyError):
        return None


def _convert_without_profile(image: Image.Image) -> Image.Image:
    return _convert_to_srgb(image, LAB_PROFILE) if image.mode == "LAB" else image.convert("RGB")


def _convert_to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    return cast(Image.Image, ImageCms.profileToProfile(image, profile, SRGB_PROFILE, outputMode="RGB"))
