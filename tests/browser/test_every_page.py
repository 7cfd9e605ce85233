"""No page has an error in the console, a report of the security policy, or a failed request; and all fit a phone."""

import pytest

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}

SITE = ["/", "/images/", "/images/?q=nothing-at-all", "/images/?page=2", "/images/1/", "/images/1/similar/", "/upload/"]
SITE += ["/images/1/?like=2", "/images/1/similar/?more=2&less=3&crop=10,10,60,60", "/map/", "/saved/"]
ADMIN = [
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
    "/admin/catalog/segment/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
]


def expect_to_fit(page, scheme: str) -> None:
    for size in (PHONE, DESKTOP):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{page.url} is {wide} wide at {size['width']}"


@pytest.mark.parametrize("path", SITE)
def test_a_page_of_the_site_is_sound_and_fits(keepers_page, path):
    keepers_page.goto(path, wait_until="networkidle")
    for scheme in ("light", "dark"):
        expect_to_fit(keepers_page, scheme)


def test_the_results_are_sound_and_fit(page):
    page.goto("/")
    page.locator(".examples button").first.click()
    page.wait_for_url("**/search/*/")
    page.wait_for_load_state("networkidle")
    for scheme in ("light", "dark"):
        expect_to_fit(page, scheme)


def test_the_sign_in_page_is_sound_and_fits(page):
    page.goto("/accounts/login/", wait_until="networkidle")
    for scheme in ("light", "dark"):
        expect_to_fit(page, scheme)


def test_every_page_of_the_admin_is_sound(keepers_page):
    for path in ADMIN:
        keepers_page.goto(path, wait_until="networkidle")
        for size, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
            keepers_page.emulate_media(color_scheme=scheme)
            keepers_page.set_viewport_size(size)


def test_a_collection_is_looked_up_while_typing_in_the_admin(keepers_page):
    keepers_page.goto("/admin/catalog/image/1/change/", wait_until="networkidle")
    keepers_page.locator(".select2-selection").click()
    keepers_page.locator(".select2-search__field").fill("Cup")
    keepers_page.locator(".select2-results__option", has_text="Cups").click()
    keepers_page.get_by_role("button", name="Save", exact=True).click()
    keepers_page.wait_for_url("**/admin/catalog/image/")


def test_the_description_of_the_api_is_sound(keepers_page):
    keepers_page.goto("/api/docs", wait_until="networkidle")
    keepers_page.get_by_text("/api/search", exact=True).first.wait_for()
