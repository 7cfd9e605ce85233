"""Nothing that axe-core knows of is wrong on any page, in either theme and language."""

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = ["/", "/images/", "/images/?q=nothing-at-all", "/images/1/", "/images/1/?like=2", "/images/1/similar/"]
PAGES += ["/images/1/similar/?more=2&less=3&crop=10,10,60,60&least=0.2", "/map/", "/saved/", "/upload/"]
ERRORS = ["/nowhere/", "/search/gone/", "/images/1/similar/?crop=x"]


def violations(page) -> list[str]:
    found = Axe().run(page).response
    assert found["passes"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "zh-CN"), ("dark", "en-GB")])
def test_no_page_has_a_fault(open_page, address, scheme, locale):
    from tests.system.site import ADMINISTRATOR

    page = open_page(color_scheme=scheme, locale=locale, reduced_motion="reduce")
    page.goto("/accounts/login/")
    assert violations(page) == []
    page.locator("#id_username").fill(ADMINISTRATOR[0])
    page.locator("#id_password").fill(ADMINISTRATOR[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{address}/")
    for path in PAGES:
        page.goto(path, wait_until="networkidle")
        assert violations(page) == [], path


@pytest.mark.parametrize("path", ERRORS)
def test_no_page_of_a_fault_has_one_itself(browser, address, path):
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto(path)
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("path", ["/", "/images/1/similar/", "/images/1/?like=2"])
def test_on_a_phone_too(open_page, path):
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.goto(path, wait_until="networkidle")
    assert violations(page) == []
