"""Simulation of photos taken with a hand-held camera."""

import numpy as np
from PIL import Image, ImageFilter


def simulate_photo(picture: Image.Image, seed: int) -> Image.Image:
    """Return the RGB picture slightly rotated, blurred, darker in the corners and with noise; the size is kept."""
    rng = np.random.default_rng(seed)
    tilt = rng.choice((-1, 1)) * rng.uniform(1.5, 3)
    blurred = _rotate_and_crop(picture, tilt).filter(ImageFilter.GaussianBlur(0.9))
    pixels = np.asarray(blurred, dtype=np.float32)
    pixels = pixels * _vignette(*picture.size)[..., None] * np.array((1.02, 1.0, 0.95), np.float32)
    pixels += rng.normal(0, 4, pixels.shape).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _rotate_and_crop(picture: Image.Image, degrees: float) -> Image.Image:
    """Rotate about the centre, and enlarge so that no corner is empty."""
    width, height = picture.size
    angle = np.radians(abs(degrees))
    zoom = np.cos(angle) + np.sin(angle) * max(width / height, height / width)
    rotated = picture.rotate(degrees, Image.Resampling.BICUBIC)
    x_margin, y_margin = width * (1 - 1 / zoom) / 2, height * (1 - 1 / zoom) / 2
    return rotated.resize(
        picture.size, Image.Resampling.BICUBIC, (x_margin, y_margin, width - x_margin, height - y_margin)
    )


def _vignette(width: int, height: int) -> np.ndarray:
    """Return the brightness, float32 (height, width): 1 in the centre, about 0.75 in the corners."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    return 1 - 0.125 * (x[None, :] ** 2 + y[:, None] ** 2)
