"""Cluttered photographs: things that are pasted on photographs of something else."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

# Pixels of a cluttered photograph.
AREA = 640 * 480
# A background is uniform if so many pixels of the edge differ by so little from their median.
UNIFORM_SHARE, MAX_DIFFERENCE = 0.9, 24
# The share of a picture that a thing with a uniform background must fill.
MIN_SHARE, MAX_SHARE = 0.08, 0.92


@dataclass(frozen=True)
class Clutter:
    """A cluttered photograph.

    Attributes:
        share: where the thing is: left, top, width and height as fractions.
    """

    picture: Image.Image
    share: np.ndarray


def paste(thing: Image.Image, background: Image.Image, area: float, rng: np.random.Generator) -> Clutter:
    """Paste a thing at a random place, so that its box covers the share `area` of the photograph.

    Things on a uniform background are cut out; of others the whole picture is pasted.
    """
    ratio = background.width / background.height
    canvas = background.resize((round((AREA * ratio) ** 0.5), round((AREA / ratio) ** 0.5)), Image.Resampling.BICUBIC)
    mask = Image.fromarray(thing_mask(thing))
    box = mask.getbbox() or (0, 0, *thing.size)
    scale = (area * canvas.width * canvas.height / ((box[2] - box[0]) * (box[3] - box[1]))) ** 0.5
    scale = min(scale, 0.95 * canvas.width / (box[2] - box[0]), 0.95 * canvas.height / (box[3] - box[1]))
    size = max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale))
    left, top = (int(rng.integers(0, side - length + 1)) for side, length in zip(canvas.size, size, strict=True))
    resized = thing.crop(box).resize(size, Image.Resampling.BICUBIC)
    canvas.paste(resized, (left, top), mask.crop(box).convert("L").resize(size, Image.Resampling.BILINEAR))
    share = np.array([left, top, *size]) / np.array([*canvas.size, *canvas.size])
    return Clutter(canvas, share)


def thing_mask(picture: Image.Image) -> np.ndarray:
    """Return which pixels show the thing: bool (height, width). All, if its background is not uniform."""
    pixels = np.asarray(picture).astype(np.int16)
    edge = np.concatenate([pixels[2], pixels[-3], pixels[:, 2], pixels[:, -3]])
    colour = np.median(edge, axis=0)
    everything = np.ones(pixels.shape[:2], bool)
    if (np.abs(edge - colour).max(axis=1) < MAX_DIFFERENCE).mean() < UNIFORM_SHARE:
        return everything
    areas, _count = ndimage.label(np.abs(pixels - colour).max(axis=2) < MAX_DIFFERENCE)
    touching = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    mask = ndimage.binary_opening(~np.isin(areas, touching[touching > 0]))
    return mask if MIN_SHARE < mask.mean() < MAX_SHARE else everything
