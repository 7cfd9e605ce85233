"""Everything works without JavaScript."""

import re

from playwright.sync_api import expect

from tests.browser.page_actions import choose_option, sign_in
from tests.system.site import ADMINISTRATOR

MAX_REFRESHES = 60


def file_payload(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def test_upload_search_filter_page_and_open(open_page, demo_url, picture):
    page = open_page(java_script_enabled=False)
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    page.get_by_label("Choose pictures").set_input_files(
        [file_payload("quiet.jpg", picture(500)), file_payload("letter.jpg", b"Dear madam,")]
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".upload-result-state[data-state=added]")).to_have_count(1)
    expect(page.locator(".upload-result-state[data-state=rejected]")).to_have_count(1)
    searchable = page.locator(".upload-result .status[data-state=indexed]")
    for _ in range(MAX_REFRESHES):
        page.get_by_role("link", name="Refresh").click()
        if searchable.count():
            break
        page.wait_for_timeout(500)
    expect(searchable).to_have_count(1)

    page.goto("/")
    page.get_by_label("Choose a photo").set_input_files(file_payload("mine.jpg", picture(500)))
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".tile-name").first).to_have_text("quiet.jpg")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.locator(".tile").first).to_have_attribute("value", "25")

    choose_option(page, "Collection", "Cups")
    page.get_by_role("button", name="Apply").click()
    assert set(page.locator(".tile-collection").all_text_contents()) == {"Cups"}
    page.locator(".tile-link").first.click()
    expect(page).to_have_url(re.compile(r"/images/\d+/"))
    page.get_by_role("link", name="Find similar", exact=True).click()
    expect(page).to_have_url(re.compile("similar"))
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_example_starts_search(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    expect(page.locator(".tile-collection").first).to_have_text("Bags")


def test_controls_that_need_scripts_are_hidden(open_page, demo_url):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    expect(page.locator(".drop-hint")).to_be_hidden()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()


def test_results_page_offers_nothing_that_needs_scripts(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/images/1/similar/")
    for selector in ("[data-crop-select]", "[data-crop-clear]", ".load-more.with-script", "[data-offline]"):
        for control in page.locator(selector).all():
            expect(control).to_be_hidden()
    assert page.locator("[data-crop-select]").count() == 1
    expect(page.get_by_role("link", name="Next")).to_be_visible()
