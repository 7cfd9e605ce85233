"""Sites as processes, on SQLite with the filesystem broker and on PostgreSQL with Redis."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.system import servers
from tests.system.site import ADMINISTRATOR, Site, environment

SITE_NUMBERS = count(1)
SQLITE, POSTGRESQL = "sqlite+filesystem", "postgresql+redis"


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL server."""
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Redis]:
    """A Redis server."""
    server = servers.Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[servers.Redis]:
    """A Redis server that the test may stop."""
    server = servers.Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def _create_site(home: Path, **changes: str) -> Site:
    """A site with tables and an administrator."""
    site = Site(home, environment(home, **changes))
    name, password = ADMINISTRATOR
    for arguments in (["migrate", "-v0"], ["createsuperuser", "--noinput", "--username", name, "--email", "k@x.org"]):
        completed = site.run(*arguments, DJANGO_SUPERUSER_PASSWORD=password)
        assert completed.returncode == 0, completed.stderr
    return site


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a site on SQLite, for tests to copy."""
    return _create_site(tmp_path_factory.mktemp("sqlite")).home


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory, postgres: servers.Postgres) -> str:
    """The name of a site's database on PostgreSQL, for tests to copy."""
    _create_site(tmp_path_factory.mktemp("postgres"), DATABASE_URL=postgres.create("site_template"))
    return "site_template"


@pytest.fixture
def sqlite_site(tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    """A site that needs no server: SQLite, and Celery's filesystem transport."""
    home = tmp_path / "site"
    shutil.copytree(sqlite_template, home)
    site = Site(home, environment(home))
    yield site
    site.close()


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site with tables and an administrator, but no images, on each of the two backends."""
    if request.param == SQLITE:
        yield request.getfixturevalue("sqlite_site")
        return
    postgres, redis = request.getfixturevalue("postgres"), request.getfixturevalue("redis")
    database = postgres.create(f"site_{next(SITE_NUMBERS)}", request.getfixturevalue("postgres_template"))
    home = tmp_path / "site"
    home.mkdir()
    site = Site(home, environment(home, DATABASE_URL=database, REDIS_URL=redis.url()))
    yield site
    site.close()


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., bytes]) -> Callable[..., Path]:
    """A function that creates a folder of `count` different pictures, numbered from `first`."""

    def create(count: int, first: int = 0) -> Path:
        pictures_dir = tmp_path / f"pictures-{first}"
        pictures_dir.mkdir()
        for number in range(first, first + count):
            (pictures_dir / f"picture-{number}.jpg").write_bytes(picture(number))
        return pictures_dir

    return create
