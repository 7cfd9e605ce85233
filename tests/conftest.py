"""What tests share: a data folder of their own, generated pictures, a catalogue with some of them in it."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from PIL import Image as Pixels

from catalog.models import Image
from catalog.services import indexing, uploads
from catalog.services.live_index import INDEX


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--for-the-database", action="store_true", help="only what another database may do otherwise")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes comes first, so that of processes side by side none has it left over at the end."""
    items.sort(key=lambda item: "test_same_tests_on_postgresql" not in item.nodeid)
    if config.getoption("--for-the-database"):
        items[:] = for_the_database(items)


def for_the_database(items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests that ask the database; of one with many parameters the first and the last, and what PostgreSQL refuses.

    What trains a network is left out: the database has no part in that.
    """
    asking = [item for item in items if {"db", "transactional_db"} & set(item.fixturenames)]  # type: ignore[attr-defined]
    asking += [item for item in items if item.get_closest_marker("django_db") and item not in asking]
    of_each: dict[str, list[pytest.Item]] = {}
    for item in asking:
        if not item.get_closest_marker("trains"):
            of_each.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [
        item
        for same in of_each.values()
        for item in same
        if item in (same[0], same[-1]) or "x00" in item.nodeid or "u0000" in item.nodeid
    ]


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the converted network is kept, once for all tests."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, models_dir: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, the compact network, and a broker in memory: nothing of the checkout is touched."""
    var = tmp_path / "var"
    settings.DATA_DIR, settings.VAR_DIR, settings.MODELS_DIR = tmp_path, var, models_dir
    settings.FEATURES_DIR, settings.LOCKS_DIR, settings.IMPORTS_DIR = var / "features", var / "locks", var / "imports"
    settings.MEDIA_ROOT, settings.IMPORT_ROOT = tmp_path / "media", tmp_path / "import"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "catalog.storage.DurableFileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        },
    }
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16-compact", None
    monkeypatch.setattr("catalog.services.hints._send", lambda *args: None)
    for folder in (var, settings.IMPORT_ROOT):
        folder.mkdir()
    INDEX.forget()
    return tmp_path


Picture = Callable[..., bytes]


@pytest.fixture(scope="session")
def picture() -> Picture:
    """A function that draws a picture of its own for every number: JPEG unless told otherwise."""

    def draw(number: int = 0, *, format: str = "JPEG", size: tuple[int, int] = (160, 120), **options: object) -> bytes:
        chance = np.random.default_rng(number)
        coarse = chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        drawn = Pixels.fromarray(coarse).resize(size, Pixels.Resampling.BICUBIC)
        out = io.BytesIO()
        drawn.save(out, format, **options)
        return out.getvalue()

    return draw


@pytest.fixture
def catalogue(db: None, picture: Picture) -> list[Image]:
    """Six images, searchable."""
    for number in range(6):
        uploads.add(picture(number), f"picture-{number}.jpg")
    indexing.index_pending()
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def uploader(db: None) -> User:
    """An account with the right to add images."""
    from django.contrib.auth.models import Permission

    user = User.objects.create_user("ursula", password="a long enough word")
    user.user_permissions.add(Permission.objects.get(codename="add_image"))
    return user


@pytest.fixture
def keeper(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("karl", password="a long enough word")
