"""What the tests of features share. Nothing here is taken from a real photograph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.demo.drawing import KINDS, draw
from catalog.demo.photograph import photograph
from catalog.features import weights as files
from catalog.features.architectures import VGG16, Architecture
from catalog.features.extractors import Extractor, space_of
from catalog.features.weights import Weights
from tests.features.networks import write_random

TINY = Architecture("tiny", (2, 2, 3, 3, 4))


@pytest.fixture(scope="session")
def compact() -> Weights:
    return files.compact()


@pytest.fixture(scope="session")
def random_vgg16(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_random(tmp_path_factory.mktemp("weights") / "vgg16.h5", VGG16)


@pytest.fixture
def tiny(tmp_path: Path) -> Weights:
    return write_random(tmp_path / "tiny.h5", TINY)


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of ~/.keras."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture
def published(random_vgg16: Weights, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A file of the digest that Keras publishes, as far as the program is told."""
    monkeypatch.setattr(files, "VGG16_MD5", files.digest(random_vgg16.path, "", "md5"))
    return random_vgg16


def blobs(seed: int, size: int = 160) -> Image.Image:
    """A picture with soft shapes in it, a different one for each seed."""
    numbers = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(numbers).resize((size, size), Image.Resampling.BICUBIC)


def demo(count: int) -> np.ndarray:
    """Drawn things of all kinds in turn, each also as a camera would see it: uint8, count × 256 × 256 × 3."""
    numbers = range(count // 2)
    drawn = [draw(KINDS[number % len(KINDS)], number // len(KINDS) + 1).resize((256, 256)) for number in numbers]
    seen = [photograph(one, seed) for seed, one in enumerate(drawn)]
    return np.array([np.asarray(one) for one in drawn + seen])


def described(weights: Weights, runtime: str, pictures: np.ndarray, cache: Path) -> np.ndarray:
    """The descriptors of RGB pictures: float32, n × d. VGG16 gets them small, so that many are done in seconds."""
    space = space_of(weights)
    if weights.architecture == VGG16:
        space = replace(space, input_sizes=(96,))
    extractor = Extractor.of(weights, space, runtime=runtime, cache=cache, threads=2)
    return extractor.describe([extractor.prepare(Image.fromarray(one)) for one in pictures])


def batch(count: int, size: int) -> np.ndarray:
    """Prepared pictures: uint8, count × size × size × 3."""
    pictures = [np.asarray(blobs(seed, size)) for seed in range(count)]
    return np.array(pictures, np.uint8).reshape(count, size, size, 3)
