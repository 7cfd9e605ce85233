"""axe-core finds no violation on any page, in either theme and language."""

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = ["/", "/images/", "/images/?q=nothing-at-all", "/images/1/", "/images/1/?image=2", "/images/1/similar/"]
PAGES += ["/images/1/similar/?positive=2&negative=3&crop=10,10,60,60&min_score=0.2", "/map/", "/saved/", "/upload/"]
PAGES += ["/accounts/password/"]
ERRORS = ["/nowhere/", "/saved/add/", "/search/gone/", "/images/1/similar/?crop=x"]


def violations(page) -> list[str]:
    report = Axe().run(page).response
    assert report["passes"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in report["violations"]]


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "zh-CN"), ("dark", "en-GB")])
def test_pages_have_no_accessibility_violations(open_page, demo_url, scheme, locale):
    from tests.system.site import ADMINISTRATOR

    page = open_page(color_scheme=scheme, locale=locale, reduced_motion="reduce")
    page.goto("/accounts/login/")
    assert violations(page) == []
    page.locator("#id_username").fill(ADMINISTRATOR[0])
    page.locator("#id_password").fill(ADMINISTRATOR[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{demo_url}/")
    for path in PAGES:
        page.goto(path, wait_until="networkidle")
        assert violations(page) == [], path


@pytest.mark.parametrize("path", ERRORS)
def test_error_pages_have_no_accessibility_violations(browser, demo_url, path):
    context = browser.new_context(base_url=demo_url)
    page = context.new_page()
    page.goto(path)
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("path", ["/", "/images/1/similar/", "/images/1/?image=2"])
def test_pages_are_accessible_on_phone(open_page, path):
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.goto(path, wait_until="networkidle")
    assert violations(page) == []
