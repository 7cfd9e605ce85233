"""A backup of six images, and an empty site beside the one that it was taken from."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from catalog.models import Image
from catalog.services.backup import creation
from catalog.services.index.live_index import INDEX


@pytest.fixture
def pictures(transactional_db: None, catalogue: list[Image]) -> list[Image]:
    """The catalogue, outside of a transaction."""
    return catalogue


@pytest.fixture
def backup(pictures: list[Image], tmp_path: Path) -> Path:
    """A backup of the catalogue."""
    path = tmp_path / "backup.tar"
    creation.create(path)
    return path


@pytest.fixture
def move_to_empty_site(settings: LazySettings, tmp_path: Path) -> Callable[[], None]:
    """A function that empties the database and goes on in an empty data folder."""

    def move() -> None:
        call_command("flush", interactive=False)
        home = tmp_path / "empty"
        settings.DATA_DIR, settings.VAR_DIR = home, home / "var"
        for name in ("FEATURES", "LOCKS", "IMPORTS", "INDEX"):
            setattr(settings, f"{name}_DIR", home / "var" / name.lower())
        settings.MEDIA_ROOT = home / "media"
        default = {**settings.STORAGES["default"], "OPTIONS": {"location": home / "media"}}
        settings.STORAGES = {**settings.STORAGES, "default": default}
        INDEX.close()

    return move
