"""Fixtures for all tests: an empty data folder, generated pictures, a small catalogue."""

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from PIL import Image as Pixels

from catalog.features.extractors import Extractor, PreparedPicture
from catalog.models import Image
from catalog.services.index import extraction
from catalog.services.index.live_index import INDEX
from catalog.services.index.store import DescriptorRow
from catalog.services.ingest import uploads
from tests.processes import Installation

SERVICE_FOLDERS = ("tests/system/", "tests/browser/", "tests/engines/", "tests/services/media/test_s3.py")
SERVICE_TIMEOUT = 600  # seconds: these tests wait for servers, workers and browsers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database-only", action="store_true", help="only the tests whose result depends on the database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need services, and start the longest tests first, so that parallel processes end together."""
    for item in items:
        if item.nodeid.startswith(SERVICE_FOLDERS):
            item.add_marker(pytest.mark.services)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SERVICE_TIMEOUT))
    items.sort(key=lambda item: "test_postgresql" not in item.nodeid)
    if config.getoption("--database-only"):
        items[:] = select_database_tests(items)


def select_database_tests(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests that use the database. Of a parametrised test: the first case, the last, and NUL bytes.

    SQLite stores NUL bytes in text and PostgreSQL does not. Tests that train a network are left out: training does not
    depend on the database.
    """
    database_tests = [item for item in items if {"db", "transactional_db"} & set(item.fixturenames)]  # type: ignore[attr-defined]
    database_tests += [item for item in items if item.get_closest_marker("django_db") and item not in database_tests]
    by_function: dict[str, list[pytest.Item]] = {}
    for item in database_tests:
        if not item.get_closest_marker("trains"):
            by_function.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [
        item
        for cases in by_function.values()
        for item in cases
        if item in (cases[0], cases[-1]) or "x00" in item.nodeid or "u0000" in item.nodeid
    ]


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the converted networks, which all tests of a session share."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, models_dir: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, the bundled network and no broker: tests leave the checkout as it is."""
    var = tmp_path / "var"
    settings.DATA_DIR, settings.VAR_DIR, settings.MODELS_DIR = tmp_path, var, models_dir
    settings.FEATURES_DIR, settings.LOCKS_DIR, settings.IMPORTS_DIR = var / "features", var / "locks", var / "imports"
    settings.INDEX_DIR = var / "index"
    settings.MEDIA_ROOT, settings.IMPORT_ROOT = tmp_path / "media", tmp_path / "import"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "catalog.media_storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        },
    }
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "efficientnet-lite2", None
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the default one is slow on purpose
    monkeypatch.setattr("catalog.services.jobs.dispatch._enqueue", lambda *args: None)
    for folder in (var, settings.IMPORT_ROOT):
        folder.mkdir()
    INDEX.close()
    return tmp_path


PictureFactory = Callable[..., bytes]


@pytest.fixture(scope="session")
def picture() -> PictureFactory:
    """A function that draws a different picture for every number, as JPEG by default."""

    def draw(number: int = 0, *, format: str = "JPEG", size: tuple[int, int] = (160, 120), **options: object) -> bytes:
        rng = np.random.default_rng(number)
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        pixels = Pixels.fromarray(coarse).resize(size, Pixels.Resampling.BICUBIC)
        out = io.BytesIO()
        pixels.save(out, format, **options)
        return out.getvalue()

    return draw


@pytest.fixture(scope="session")
def descriptor_cache() -> dict[tuple[str, str], np.ndarray]:
    """Descriptors of the images of `catalogue`, by the key of the feature space and the digest."""
    return {}


@pytest.fixture
def catalogue(db: None, picture: PictureFactory, descriptor_cache: dict[tuple[str, str], np.ndarray]) -> list[Image]:
    """Six searchable images. The network runs on them once in a session: hundreds of tests have this catalogue."""
    prepare_image, extract = extraction.prepare_image, extraction.extract

    def prepare_unless_cached(image: Image, extractor: Extractor) -> PreparedPicture | None:
        return None if (extractor.space.key, image.sha256) in descriptor_cache else prepare_image(image, extractor)

    def extract_or_reuse(ready: list, extractor: Extractor) -> list[DescriptorRow]:
        keys = [(extractor.space.key, image.sha256) for image, _ in ready]
        if not all(key in descriptor_cache for key in keys):
            rows = extract(ready, extractor)
            descriptor_cache.update((key, row.vector) for key, row in zip(keys, rows, strict=True))
            return rows
        return [
            DescriptorRow(image.pk, image.sha256, descriptor_cache[key])
            for key, (image, _) in zip(keys, ready, strict=True)
        ]

    for number in range(6):
        uploads.add_picture(picture(number), f"picture-{number}.jpg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "prepare_image", prepare_unless_cached)
        patch.setattr(extraction, "extract", extract_or_reuse)
        extraction.index_pending()
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def uploader(db: None) -> User:
    """A user with permission to add images."""
    from django.contrib.auth.models import Permission

    user = User.objects.create_user("ursula", password="a long enough word")
    user.user_permissions.add(Permission.objects.get(codename="add_image"))
    return user


@pytest.fixture
def superuser(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("karl", password="a long enough word")


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Path:
    """The database file of an empty installation, created once."""
    installation = Installation(tmp_path_factory.mktemp("migrated"), models_dir)
    installation.migrate()
    return installation.folder / "var" / "db.sqlite3"


@pytest.fixture
def installation(tmp_path: Path, migrated_database: Path, models_dir: Path) -> Installation:
    """An empty installation that processes of the test work on."""
    installation = Installation(tmp_path / "installation", models_dir)
    shutil.copy(migrated_database, installation.folder / "var" / "db.sqlite3")
    return installation


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike the folders of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def small_comparison(settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons of networks take little time, and find no networks of other tests or of this machine."""
    settings.MODELS_DIR = tmp_path / "models"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("catalog.services.maintenance.comparison_samples.COPIED_IMAGES", 4)
    monkeypatch.setattr("catalog.services.maintenance.network_comparison.TIMED_IMAGES", 2)
