"""What the tests of features share. Nothing here is taken from a real photograph."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.features import weights as files
from catalog.features.architectures import VGG16, Architecture
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


def batch(count: int, size: int) -> np.ndarray:
    """Prepared pictures: uint8, count × size × size × 3."""
    pictures = [np.asarray(blobs(seed, size)) for seed in range(count)]
    return np.array(pictures, np.uint8).reshape(count, size, size, 3)
