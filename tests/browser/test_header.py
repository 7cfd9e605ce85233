"""The header: the language, signing in, the account."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.system.site import ADMINISTRATOR

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 860}
MIN_TARGET = 44  # px


def small_targets(page) -> list[str]:
    """The links, buttons and fields of the header and of save-search that are smaller than a finger."""
    return page.evaluate(
        """minimum => [...document.querySelectorAll("header :is(a, button), .save-search :is(a, button)")]
            .filter((one) => one.checkVisibility())
            .filter((one) => Math.min(one.offsetHeight, one.offsetWidth) < minimum)
            .map((one) => `${one.textContent.trim()}: ${one.offsetWidth} × ${one.offsetHeight}`)""",
        MIN_TARGET,
    )


@pytest.mark.parametrize(
    ("viewport", "locale", "language", "other_language"),
    [(PHONE, "en-GB", "Language", "简体中文"), (DESKTOP, "zh-CN", "语言", "English")],
)
def test_language_and_sign_in_lead_back_to_the_search_in_view(
    open_page, demo_url, viewport, locale, language, other_language
):
    page = open_page(viewport=viewport, locale=locale)
    page.goto("/images/1/similar/", wait_until="networkidle")
    assert small_targets(page) == []
    page.get_by_role("link", name=re.compile("Find more of the same kind|查找更多同类图片")).click()
    page.wait_for_url("**expand=5")  # without a page load

    page.get_by_role("button", name=language).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=other_language, exact=True)).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=other_language, exact=True)).to_be_hidden()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=other_language, exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if other_language == "English" else "zh-hans")
    assert page.url.endswith("/images/1/similar/?expand=5")

    options = page.locator(".filters-toggle")
    if options.is_visible():
        options.click()
    assert small_targets(page) == []
    page.locator(".save-search a").click()
    page.locator("#id_username").fill(ADMINISTRATOR[0])
    page.locator("#id_password").fill(ADMINISTRATOR[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{demo_url}/images/1/similar/?expand=5")
    expect(page.locator(".save-search input[name=name]")).to_be_attached()


@pytest.mark.parametrize(("viewport", "scripts"), [(PHONE, False), (DESKTOP, True)])
def test_account_menu_holds_what_an_account_needs(open_page, demo_url, viewport, scripts):
    page = open_page(viewport=viewport, java_script_enabled=scripts)
    page.goto("/accounts/login/?next=/map/")
    page.get_by_label("Username").fill(ADMINISTRATOR[0])
    page.get_by_label("Password").fill(ADMINISTRATOR[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{demo_url}/map/")
    navigation = [link.bounding_box()["y"] for link in page.locator("header nav a").all()]
    assert len(set(navigation)) == 1, "all links in one row"
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("link", name="Admin")).to_be_visible()
    if scripts:
        assert small_targets(page) == []
        assert violations(page) == []
    page.get_by_role("link", name="Change password").click()
    page.wait_for_url("**/accounts/password/")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
