"""Shared fixtures and synthetic pictures for tests of features."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.demo.drawing import KINDS, draw_picture
from catalog.demo.photograph import simulate_photo
from catalog.features import weights as files
from catalog.features.extractors import Extractor, space_for_weights
from catalog.features.networks import VGG16, Architecture
from catalog.features.weights import Weights
from tests.features.random_weights import write_random

TINY_ARCHITECTURE = Architecture("tiny", (2, 2, 3, 3, 4))


@pytest.fixture(scope="session")
def compact_weights() -> Weights:
    return files.compact_weights()


@pytest.fixture(scope="session")
def random_vgg16_weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_random(tmp_path_factory.mktemp("weights") / "vgg16.h5", VGG16)


@pytest.fixture
def tiny_weights(tmp_path: Path) -> Weights:
    return write_random(tmp_path / "tiny.h5", TINY_ARCHITECTURE)


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of ~/.keras."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture
def published_weights(random_vgg16_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A file that is accepted as the one that Keras publishes."""
    monkeypatch.setattr(files, "VGG16_MD5", files.file_digest(random_vgg16_weights.path, "", "md5"))
    return random_vgg16_weights


def draw_blobs(seed: int, size: int = 160) -> Image.Image:
    """A picture with soft shapes, different for each seed."""
    numbers = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(numbers).resize((size, size), Image.Resampling.BICUBIC)


def demo_pictures(count: int) -> np.ndarray:
    """Pictures of the demo catalogue, each also as a simulated photo: uint8 (count, 256, 256, 3)."""
    numbers = range(count // 2)
    drawn = [
        draw_picture(KINDS[number % len(KINDS)], number // len(KINDS) + 1).resize((256, 256)) for number in numbers
    ]
    photos = [simulate_photo(picture, seed) for seed, picture in enumerate(drawn)]
    return np.array([np.asarray(picture) for picture in drawn + photos])


def extract_descriptors(weights: Weights, runtime: str, pictures: np.ndarray, cache: Path) -> np.ndarray:
    """The descriptors of RGB pictures: float32 (n, d). VGG16 gets smaller inputs, to save time."""
    space = space_for_weights(weights)
    if weights.architecture == VGG16:
        space = replace(space, input_sizes=(96,))
    extractor = Extractor.from_weights(weights, space, runtime=runtime, cache_dir=cache, threads=2)
    return extractor.extract([extractor.prepare(Image.fromarray(picture)) for picture in pictures])


def network_batch(count: int, size: int) -> np.ndarray:
    """Prepared pictures: uint8 (count, size, size, 3)."""
    pictures = [np.asarray(draw_blobs(seed, size)) for seed in range(count)]
    return np.array(pictures, np.uint8).reshape(count, size, size, 3)
