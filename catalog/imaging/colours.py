"""Every way of writing colours, as the sRGB that a screen shows."""

from io import BytesIO
from typing import cast

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
PROFILED_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}


def to_rgb(loaded: Image.Image) -> Image.Image:
    """A new picture of mode RGB, without metadata, that looks as `loaded` is meant to.

    Deep greys are scaled to eight bits, transparent places are laid on white, and an embedded ICC profile
    that fits the picture is followed.
    """
    profile = loaded.info.get("icc_profile")
    opaque = _on_white(_eight_bit(loaded))
    rgb = _profiled(opaque, profile) or _converted(opaque)
    rgb.info = {}
    return rgb


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in {"I", "F"} and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    grey = _scaled(values) if image.mode in {"I", "F"} else (values >> 8).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0:  # a TIFF whose 0 is white
        grey = ~grey
    if isinstance(clear := image.info.get("transparency"), int):
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Floats within 0 and 1 by that range, as is the custom; all else from its darkest to its lightest."""
    finite = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(finite.min()), float(finite.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ((finite - low) * (255 / ((high - low) or 1))).round().astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    clear = image.info.get("transparency")
    if isinstance(clear, tuple) and max(clear) > 255:  # a 16-bit PNG, of which Pillow keeps eight
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    mode = "L" if image.mode in {"1", "L", "LA", "La"} else "RGB"
    layered = image.convert("LA" if mode == "L" else "RGBA")
    paper = Image.new(mode, image.size, "white")
    paper.paste(layered.convert(mode), mask=layered.getchannel("A"))
    return paper


def _profiled(image: Image.Image, icc: bytes | None) -> Image.Image | None:
    """`image` through its ICC profile; None when there is none that is valid and fits its mode."""
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        mode = PROFILED_MODES[profile.profile.xcolor_space.strip()]
        if mode == "RGB" and "sRGB" in (profile.profile.profile_description or ""):
            return None
        source = image.convert("RGB") if mode == "RGB" and image.mode in {"P", "RGBX"} else image
        return _in_srgb(source, profile) if source.mode == mode else None
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError, KeyError):
        return None


def _converted(image: Image.Image) -> Image.Image:
    return _in_srgb(image, LAB) if image.mode == "LAB" else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    return cast(Image.Image, ImageCms.profileToProfile(image, profile, SRGB, outputMode="RGB"))
