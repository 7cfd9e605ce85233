"""Altered copies differ from the picture as their description says."""

import numpy as np
import pytest
from PIL import Image

from catalog.imaging.alterations import MILD_ALTERATIONS


@pytest.fixture
def gradient() -> Image.Image:
    """A picture of 200 × 100 pixels that becomes brighter from left to right."""
    row = np.linspace(0, 255, 200).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(row[np.newaxis, :, np.newaxis], (100, 200, 3)).copy())


@pytest.mark.parametrize(
    ("name", "size"), [("q40", (200, 100)), ("half", (100, 50)), ("crop10", (160, 80)), ("mirror", (200, 100))]
)
def test_the_copy_has_the_expected_size(gradient, name, size):
    copy = MILD_ALTERATIONS[name](gradient)
    assert (copy.size, copy.mode) == (size, "RGB")
    assert np.abs(np.diff(np.asarray(copy).mean(axis=(0, 2)))).sum() > 150  # still the gradient


def test_a_mirrored_copy_becomes_darker(gradient):
    columns = np.asarray(MILD_ALTERATIONS["mirror"](gradient)).mean(axis=(0, 2))
    assert columns[0] > 250
    assert columns[-1] < 5


def test_a_turned_copy_has_white_corners(gradient):
    copy = MILD_ALTERATIONS["turn5"](gradient)
    assert copy.width > gradient.width
    assert copy.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("name", MILD_ALTERATIONS)
def test_the_smallest_picture_can_be_altered(name):
    assert min(MILD_ALTERATIONS[name](Image.new("RGB", (1, 1))).size) >= 1
