import pytest
from PIL import Image

from catalog.demo.drawing import catalogue, queries

Drawn = list[tuple[str, str, Image.Image]]


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    return list(catalogue())


@pytest.fixture(scope="session")
def asked() -> Drawn:
    return list(queries())
