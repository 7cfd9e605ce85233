"""With JavaScript off everything works, only less comfortably."""

import re

from playwright.sync_api import expect

from tests.system.site import ADMINISTRATOR

from .chromium import choose, sign_in

LOOKS = 60


def as_file(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def test_upload_search_filter_leaf_and_open(open_page, address, picture):
    page = open_page(java_script_enabled=False)
    sign_in(page, address, ADMINISTRATOR, then="/upload/")
    page.get_by_label("Choose pictures").set_input_files(
        [as_file("quiet.jpg", picture(500)), as_file("letter.jpg", b"Dear madam,")]
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".outcome-said[data-state=added]")).to_have_count(1)
    expect(page.locator(".outcome-said[data-state=refused]")).to_have_count(1)
    searchable = page.locator(".outcome .status[data-state=indexed]")
    for _ in range(LOOKS):
        page.get_by_role("link", name="Refresh").click()
        if searchable.count():
            break
        page.wait_for_timeout(500)
    expect(searchable).to_have_count(1)

    page.goto("/")
    page.get_by_label("Choose a photo").set_input_files(as_file("mine.jpg", picture(500)))
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".tile-name").first).to_have_text("quiet.jpg")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.locator(".tile").first).to_have_attribute("value", "25")

    choose(page, "Collection", "Cups")
    page.get_by_role("button", name="Apply").click()
    assert set(page.locator(".tile-collection").all_text_contents()) == {"Cups"}
    page.locator(".tile-link").first.click()
    expect(page).to_have_url(re.compile(r"/images/\d+/"))
    page.get_by_role("link", name="More like this", exact=True).click()
    expect(page).to_have_url(re.compile("similar"))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_an_example_is_searched_with(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    expect(page.locator(".tile-collection").first).to_have_text("Bags")


def test_nothing_is_offered_that_needs_a_script(open_page, address):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    expect(page.locator(".drop-hint")).to_be_hidden()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()
