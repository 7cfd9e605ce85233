"""Descriptors of large JPEGs, which are decoded at reduced size, must be those of the full-size picture."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from catalog.features.extractors import DECODED_SIDE
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from tests.features.conftest import open_extractor


@pytest.fixture(scope="module")
def extractor(bundled_network):
    return open_extractor(bundled_network)


def textured_jpeg(width: int, height: int, seed: int, quality: int) -> bytes:
    """A JPEG with detail at every scale, like a photo: amplitudes decrease with the frequency."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (3, 8, 24, 80, 250, 800):
        rows = max(2, cells * height // width)
        octave = rng.integers(0, 256, (rows, cells, 3), np.uint8)
        smooth = Image.fromarray(octave).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(smooth, np.float32) - 127
    image = Image.fromarray((picture * 0.35 + 127).clip(0, 255).astype(np.uint8))
    image.paste(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.DETAIL), (width // 3, height // 4))
    out = BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("quality", [60, 92])
@pytest.mark.parametrize(
    ("size", "scale"), [((3000, 2000), 2), ((1600, 1200), 2), ((2200, 4300), 4), ((1045, 1500), 2)], ids=str
)
def test_the_descriptor_of_a_reduced_picture_is_that_of_the_full_size_picture(extractor, size, scale, quality):
    data = textured_jpeg(*size, seed=sum(size), quality=quality)

    reduced = decode(data, PictureLimits(), min_decoded_side=extractor.space.decoded_side).rgb
    whole = decode(data, PictureLimits()).rgb

    assert whole.size == size
    assert reduced.size == tuple(-(-side // scale) for side in size)
    ours, theirs = extractor.extract([extractor.prepare(reduced), extractor.prepare(whole)])
    assert ours @ theirs >= 0.995


def test_the_decoded_picture_is_larger_than_any_input(extractor):
    assert extractor.space.decoded_side >= max(DECODED_SIDE, 2 * max(extractor.space.input_sizes))
