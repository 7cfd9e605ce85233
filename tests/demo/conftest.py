import pytest
from PIL import Image

from catalog.demo.drawing import draw_catalogue, draw_queries

DemoPictures = list[tuple[str, str, Image.Image]]


@pytest.fixture(scope="session")
def demo_pictures() -> DemoPictures:
    return list(draw_catalogue())


@pytest.fixture(scope="session")
def query_pictures() -> DemoPictures:
    return list(draw_queries())
