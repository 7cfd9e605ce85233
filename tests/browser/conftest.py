"""A demo site with its own web and worker processes, and a browser that visits it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import page_actions
from tests.system.site import ADMINISTRATOR, Site, environment


def demo_site(home: Path) -> Site:
    """Start a site with the demo catalogue, an administrator, gunicorn and a worker. The caller closes it."""
    site = Site(home, environment(home))
    for arguments, variables in [
        (["prepare_site"], {}),
        (
            ["createsuperuser", "--noinput", "--username", ADMINISTRATOR[0], "--email", "k@example.org"],
            {"DJANGO_SUPERUSER_PASSWORD": ADMINISTRATOR[1]},
        ),
    ]:
        completed = site.run(*arguments, **variables)
        assert completed.returncode == 0, completed.stderr
    site.web()
    site.worker()
    return site


# Not for the whole session: while the event loop of Playwright runs, Django takes this thread for an asynchronous
# one and raises SynchronousOnlyOperation in all other tests that use the database.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with page_actions.chromium() as instance:
        yield instance


@pytest.fixture(scope="package")
def demo_server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = demo_site(tmp_path_factory.mktemp("demo"))
    yield site
    site.close()


@pytest.fixture
def demo_url(demo_server: Site) -> str:
    return f"http://127.0.0.1:{demo_server.port}"


@pytest.fixture
def open_page(browser: Browser, demo_url: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a page in a new browser context. The test fails if any page has reported an error."""
    contexts, errors = [], []

    def open_in_new_context(**options: object) -> Page:
        context = browser.new_context(base_url=demo_url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        errors.append(page_actions.collect_errors(page))
        return page

    yield open_in_new_context
    for context in contexts:
        context.close()
    assert [error for page_errors in errors for error in page_errors] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture
def superuser_page(page: Page, demo_url: str) -> Page:
    """A page on which the administrator is signed in."""
    page_actions.sign_in(page, demo_url, ADMINISTRATOR)
    return page
