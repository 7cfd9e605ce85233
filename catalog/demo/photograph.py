"""A drawn picture as a hand-held camera would bring it home."""

import numpy as np
from PIL import Image, ImageFilter


def photograph(picture: Image.Image, seed: int) -> Image.Image:
    """The RGB picture at its size, but a little turned and soft, darker in the corners, with grain."""
    chance = np.random.default_rng(seed)
    tilt = chance.choice((-1, 1)) * chance.uniform(1.5, 3)
    soft = _turned(picture, tilt).filter(ImageFilter.GaussianBlur(0.9))
    pixels = np.asarray(soft, dtype=np.float32)
    pixels = pixels * _vignette(*picture.size)[..., None] * np.array((1.02, 1.0, 0.95), np.float32)
    pixels += chance.normal(0, 4, pixels.shape).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _turned(picture: Image.Image, degrees: float) -> Image.Image:
    """Turned about the middle, and enlarged until no corner is bare."""
    width, height = picture.size
    slant = np.radians(abs(degrees))
    zoom = np.cos(slant) + np.sin(slant) * max(width / height, height / width)
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    across, down = width * (1 - 1 / zoom) / 2, height * (1 - 1 / zoom) / 2
    return turned.resize(picture.size, Image.Resampling.BICUBIC, (across, down, width - across, height - down))


def _vignette(width: int, height: int) -> np.ndarray:
    """Brightness, height × width: 1 in the middle, about 0.75 in the corners."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    return 1 - 0.125 * (x[None, :] ** 2 + y[:, None] ** 2)
