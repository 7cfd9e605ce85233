"""A large JPEG is described from a reduced decode, which must give what the whole picture gives."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from catalog.features.extractors import DECODED_SIDE, Extractor, space_of
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits


@pytest.fixture
def extractor(compact, models_dir):
    return Extractor.of(compact, space_of(compact), runtime="ncnn", cache=models_dir, threads=2)


def textured(width: int, height: int, seed: int, quality: int) -> bytes:
    """A JPEG with detail at every scale, as photographs have it: amplitudes fall with the frequency."""
    chance = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (3, 8, 24, 80, 250, 800):
        rows = max(2, cells * height // width)
        octave = chance.integers(0, 256, (rows, cells, 3), np.uint8)
        smooth = Image.fromarray(octave).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(smooth, np.float32) - 127
    edged = Image.fromarray((picture * 0.35 + 127).clip(0, 255).astype(np.uint8))
    edged.paste(edged.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.DETAIL), (width // 3, height // 4))
    out = BytesIO()
    edged.save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.mark.parametrize("quality", [60, 92])
@pytest.mark.parametrize(
    ("size", "scale"), [((3000, 2000), 2), ((1600, 1200), 2), ((2200, 4300), 4), ((1025, 1500), 2)], ids=str
)
def test_the_descriptor_is_that_of_the_whole_picture(extractor, size, scale, quality):
    data = textured(*size, seed=sum(size), quality=quality)

    reduced = decode(data, Limits(), at_least=extractor.space.decoded_side).rgb
    whole = decode(data, Limits()).rgb

    assert whole.size == size
    assert reduced.size == tuple(-(-side // scale) for side in size)
    ours, theirs = extractor.describe([extractor.prepare(reduced), extractor.prepare(whole)])
    assert ours @ theirs >= 0.995


def test_what_is_decoded_is_larger_than_any_input(extractor):
    assert extractor.space.decoded_side == DECODED_SIDE >= 2 * max(extractor.space.input_sizes)
