"""Conversion of every colour mode and profile to 8-bit sRGB."""

from io import BytesIO
from typing import cast

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
LAB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
MODES_BY_COLOUR_SPACE = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}


def to_rgb(image: Image.Image) -> Image.Image:
    """Return `image` converted to sRGB: a new picture of mode RGB, without metadata.

    Greyscale with more than 8 bits is scaled to 8 bits, transparent pixels are blended with white, and an embedded
    ICC profile is applied if it is valid and matches the mode of the picture.
    """
    profile = image.info.get("icc_profile")
    opaque = _flatten_on_white(_to_eight_bit(image))
    rgb = _apply_profile(opaque, profile) or _convert_without_profile(opaque)
    rgb.info = {}
    return rgb


def _to_eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in {"I", "F"} and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    grey = _scale_to_eight_bit(values) if image.mode in {"I", "F"} else (values >> 8).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0:  # WhiteIsZero: in this TIFF, 0 is white
        grey = ~grey
    if isinstance(transparent_value := image.info.get("transparency"), int):
        grey[values == transparent_value] = 255
    return Image.fromarray(grey)


def _scale_to_eight_bit(values: np.ndarray) -> np.ndarray:
    """Scale integers or floats to 0 to 255, as uint8.

    Floats between 0 and 1 are scaled by that range, as image software does by convention; all other values by their
    own minimum and maximum.
    """
    finite = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(finite.min()), float(finite.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ((finite - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)


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
