"""Pictures of coloured shapes, with a folder for each class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

SHAPES = {
    "blue ring": lambda drawing, box: drawing.ellipse(box, outline=(40, 60, 220), width=6),
    "green square": lambda drawing, box: drawing.rectangle(box, fill=(40, 180, 60)),
    "red disc": lambda drawing, box: drawing.ellipse(box, fill=(210, 40, 30)),
}


def draw_shape(name: str, seed: int) -> Image.Image:
    """A shape of random size and position on grey noise: RGB, 40 × 40."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(60, 196, (40, 40, 1), np.uint8).repeat(3, axis=2)
    picture = Image.fromarray(noise)
    side, left, top = rng.integers((16, 0, 0), (28, 12, 12)).tolist()
    SHAPES[name](ImageDraw.Draw(picture), (left, top, left + side, top + side))
    return picture


@pytest.fixture(scope="session")
def shapes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes with 32 pictures each."""
    folder = tmp_path_factory.mktemp("shapes")
    for name in SHAPES:
        (folder / name).mkdir()
        for seed in range(32):
            draw_shape(name, seed).save(folder / name / f"{seed:02}.png")
    return folder
