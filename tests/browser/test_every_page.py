"""No page has a console error, a content security policy violation or a failed request, and all pages fit a phone."""

import pytest

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}

SITE_PATHS = [
    "/",
    "/images/",
    "/images/?q=nothing-at-all",
    "/images/?page=2",
    "/images/1/",
    "/images/1/similar/",
    "/upload/",
]
SITE_PATHS += ["/images/1/?image=2", "/images/1/similar/?positive=2&negative=3&crop=10,10,60,60", "/map/", "/saved/"]
SITE_PATHS += ["/accounts/password/"]
ADMIN_PATHS = [
    "/admin/",
    "/admin/catalog/image/",
    "/admin/catalog/image/?status__exact=indexed&q=bag",
    "/admin/catalog/image/1/change/",
    "/admin/catalog/image/1/delete/",
    "/admin/catalog/image/1/history/",
    "/admin/catalog/collection/",
    "/admin/catalog/collection/add/",
    "/admin/catalog/tag/",
    "/admin/catalog/import/",
    "/admin/catalog/import/add/",
    "/admin/catalog/generation/",
    "/admin/catalog/networkcomparison/",
    "/admin/catalog/networkcomparison/add/",
    "/admin/catalog/segment/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
]


def expect_no_overflow(page, scheme: str) -> None:
    for size in (PHONE, DESKTOP):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], f"{page.url} is {width} px wide in a viewport of {size['width']} px"


@pytest.mark.parametrize("path", SITE_PATHS)
def test_site_page_is_valid_and_fits(superuser_page, path):
    superuser_page.goto(path, wait_until="networkidle")
    for scheme in ("light", "dark"):
        expect_no_overflow(superuser_page, scheme)


def test_results_page_is_valid_and_fits(page):
    page.goto("/")
    page.locator(".examples button").first.click()
    page.wait_for_url("**/search/*/")
    page.wait_for_load_state("networkidle")
    for scheme in ("light", "dark"):
        expect_no_overflow(page, scheme)


def test_sign_in_page_is_valid_and_fits(page):
    page.goto("/accounts/login/", wait_until="networkidle")
    for scheme in ("light", "dark"):
        expect_no_overflow(page, scheme)


def test_every_admin_page_is_valid(superuser_page):
    for path in ADMIN_PATHS:
        superuser_page.goto(path, wait_until="networkidle")
        for size, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
            superuser_page.emulate_media(color_scheme=scheme)
            superuser_page.set_viewport_size(size)


def test_admin_completes_collection_names(superuser_page):
    superuser_page.goto("/admin/catalog/image/1/change/", wait_until="networkidle")
    superuser_page.locator(".select2-selection").click()
    superuser_page.locator(".select2-search__field").fill("Cup")
    superuser_page.locator(".select2-results__option", has_text="Cups").click()
    superuser_page.get_by_role("button", name="Save", exact=True).click()
    superuser_page.wait_for_url("**/admin/catalog/image/")


def test_api_documentation_page_is_valid(superuser_page):
    superuser_page.goto("/api/docs", wait_until="networkidle")
    superuser_page.get_by_text("/api/search", exact=True).first.wait_for()
