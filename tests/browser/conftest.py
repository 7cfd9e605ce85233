"""A demo site as the processes it is made of, and a browser to visit it with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.system.site import ADMINISTRATOR, Site, environment

from . import chromium


def demo_site(home: Path) -> Site:
    """A prepared site with its demo catalogue, an administrator, gunicorn and a worker; to be closed."""
    site = Site(home, environment(home))
    for words, more in [
        (["prepare_site"], {}),
        (
            ["createsuperuser", "--noinput", "--username", ADMINISTRATOR[0], "--email", "k@example.org"],
            {"DJANGO_SUPERUSER_PASSWORD": ADMINISTRATOR[1]},
        ),
    ]:
        ended = site.run(*words, **more)
        assert ended.returncode == 0, ended.stderr
    site.web()
    site.worker()
    return site


# For the package and not for the session: while Playwright's event loop runs, Django takes this thread for an
# asynchronous one and refuses the database to all other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium.chromium() as started:
        yield started


@pytest.fixture(scope="package")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = demo_site(tmp_path_factory.mktemp("demo"))
    yield site
    site.close()


@pytest.fixture
def address(demo: Site) -> str:
    return f"http://127.0.0.1:{demo.port}"


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a page in a browser session of its own. At the end, nothing may have gone wrong in any."""
    contexts, faults = [], []

    def new(**options: object) -> Page:
        context = browser.new_context(base_url=address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        faults.append(chromium.watch(page))
        return page

    yield new
    for context in contexts:
        context.close()
    assert [fault for one in faults for fault in one] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture
def keepers_page(page: Page, address: str) -> Page:
    """A page of the administrator, who is signed in."""
    chromium.sign_in(page, address, ADMINISTRATOR)
    return page
