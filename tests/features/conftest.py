"""Shared fixtures and synthetic pictures for tests of features."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.demo.drawing import KINDS, draw_picture
from catalog.demo.photograph import simulate_photo
from catalog.features import weights as files
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks import Network, NetworkSources
from catalog.features.networks.efficientnet_lite import EfficientNetLite2, efficientnet_lite2_network
from catalog.features.networks.vgg16 import Vgg16
from tests.features.random_weights import write_random_vgg16, write_tiny_efficientnet


@pytest.fixture(scope="session")
def bundled_network() -> EfficientNetLite2:
    return efficientnet_lite2_network()


@pytest.fixture(scope="session")
def random_vgg16(tmp_path_factory: pytest.TempPathFactory) -> Vgg16:
    return write_random_vgg16(tmp_path_factory.mktemp("weights") / "vgg16.h5")


@pytest.fixture
def tiny_network(tmp_path: Path) -> EfficientNetLite2:
    """A network of three layers, whose file a test may damage."""
    return write_tiny_efficientnet(tmp_path / "tiny.h5")


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of ~/.keras."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture
def published_vgg16(random_vgg16: Vgg16, monkeypatch: pytest.MonkeyPatch) -> Vgg16:
    """VGG16 with a file that is accepted as the one that Keras publishes."""
    monkeypatch.setattr(files, "VGG16_MD5", files.file_digest(random_vgg16.path, "", "md5"))
    return random_vgg16


def sources(vgg16_weights: Path | None = None, preference: str = "auto") -> NetworkSources:
    """Where networks come from, without a folder of models."""
    return NetworkSources(preference, vgg16_weights, Path("/no/models"))


def open_extractor(network: Network, *, runtime: str = "openvino", threads: int = 1, **changes: object) -> Extractor:
    """The extractor of a network, in its space with `changes`."""
    return Extractor.from_network(
        network, replace(space_for_network(network), **changes), runtime=runtime, threads=threads
    )


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


def extract_descriptors(network: Network, runtime: str, pictures: np.ndarray, **changes: object) -> np.ndarray:
    """The descriptors of RGB pictures: float32 (n, d). VGG16 gets smaller inputs, to save time."""
    if isinstance(network, Vgg16):
        changes = {"input_sizes": (96,), **changes}
    extractor = open_extractor(network, runtime=runtime, threads=2, **changes)
    return extractor.extract([extractor.prepare(Image.fromarray(picture)) for picture in pictures])


def network_batch(count: int, height: int, width: int | None = None) -> list[np.ndarray]:
    """Prepared pictures: each uint8 (height, width, 3)."""
    return [np.asarray(draw_blobs(seed, 160).resize((width or height, height))) for seed in range(count)]
