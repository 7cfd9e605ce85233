"""Sites of their own, on SQLite with the filesystem broker and on PostgreSQL with Redis."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.system import servers
from tests.system.site import ADMINISTRATOR, Site, environment

NUMBERS = count(1)
PLAIN, SERVED = "sqlite+filesystem", "postgresql+redis"


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Redis]:
    server = servers.Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


def _set_up(home: Path, **changes: str) -> Site:
    """A site with tables and an administrator."""
    site = Site(home, environment(home, **changes))
    name, password = ADMINISTRATOR
    for arguments in (["migrate", "-v0"], ["createsuperuser", "--noinput", "--username", name, "--email", "k@x.org"]):
        ended = site.run(*arguments, DJANGO_SUPERUSER_PASSWORD=password)
        assert ended.returncode == 0, ended.stderr
    return site


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a site on SQLite, to be copied."""
    return _set_up(tmp_path_factory.mktemp("plain")).home


@pytest.fixture(scope="session")
def served_model(tmp_path_factory: pytest.TempPathFactory, postgres: servers.Postgres) -> str:
    """The name of a site's database, to be copied."""
    _set_up(tmp_path_factory.mktemp("served"), DATABASE_URL=postgres.create("model"))
    return "model"


@pytest.fixture
def plain_site(tmp_path: Path, plain_model: Path) -> Iterator[Site]:
    """A site that needs no server: SQLite, and Celery's filesystem transport."""
    home = tmp_path / "site"
    shutil.copytree(plain_model, home)
    site = Site(home, environment(home))
    yield site
    site.close()


@pytest.fixture(params=[PLAIN, SERVED])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site with tables and an administrator, but no images, on each of the two backends."""
    if request.param == PLAIN:
        yield request.getfixturevalue("plain_site")
        return
    postgres, redis = request.getfixturevalue("postgres"), request.getfixturevalue("redis")
    database = postgres.create(f"site_{next(NUMBERS)}", request.getfixturevalue("served_model"))
    home = tmp_path / "site"
    home.mkdir()
    site = Site(home, environment(home, DATABASE_URL=database, REDIS_URL=redis.url()))
    yield site
    site.close()


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., bytes]) -> Callable[[int], Path]:
    """A function that makes a folder of so many pictures, all different."""

    def draw(number: int, first: int = 0) -> Path:
        place = tmp_path / f"pictures-{first}"
        place.mkdir()
        for at in range(first, first + number):
            (place / f"picture-{at}.jpg").write_bytes(picture(at))
        return place

    return draw
