"""Uploading, searching and filtering in a real browser, with a real worker."""

import re

from playwright.sync_api import expect

from tests.browser.page_actions import choose_option, drop_files, paste_file, sign_in
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.system.site import ADMINISTRATOR


def test_dropped_pictures_are_indexed_and_found_by_pasting(page, demo_url, picture):
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    page.get_by_label("Collection").fill("Spring")
    drop_files(page, [(f"spring-{number}.jpg", picture(200 + number)) for number in range(5)])
    expect(page.locator(".upload-result-state[data-state=added]")).to_have_count(5)
    expect(page.locator(".upload-result .status[data-state=indexed]")).to_have_count(5, timeout=60_000)

    page.get_by_role("link", name="Search", exact=True).click()
    page.wait_for_url(f"{demo_url}/")
    paste_file(page, ("pasted.jpg", picture(203)))
    page.wait_for_url("**/search/*/")
    first = page.locator(".tile").first
    expect(first.locator(".tile-name")).to_have_text("spring-3.jpg")
    expect(first.locator(".score")).to_contain_text("1.000")
    expect(first.locator(".tile-collection")).to_have_text("Spring")

    first.locator(".tile-link").click()
    page.wait_for_url("**/images/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("spring-3.jpg")
    page.get_by_role("link", name="Find similar", exact=True).click()
    page.wait_for_url("**/similar/")
    expect(page.locator(".tile-name").first).not_to_have_text("spring-3.jpg")
    expect(page.locator(".tile")).to_have_count(24)


def test_rejected_and_known_files_are_distinguished(page, demo_url, picture):
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    drop_files(page, [("known.jpg", picture(300))])
    expect(page.locator(".upload-result-state[data-state=added]")).to_have_count(1)
    bad_files = {name: data for name, data, _ in REJECTED_FILES.values() if data}
    drop_files(page, [("again.jpg", picture(300)), *bad_files.items()])
    expect(page.locator(".upload-result-state[data-state=rejected]")).to_have_count(len(bad_files))
    known = page.locator(".upload-result", has=page.locator("[data-state=duplicate]"))
    expect(known).to_have_count(1)
    expect(known.locator("a.upload-result-name")).to_have_attribute("href", re.compile(r"/images/\d+/"))
    for name, _, words in REJECTED_FILES.values():
        if name in bad_files:
            expect(page.locator(".upload-result", has_text=name).locator(".upload-result-reason")).to_contain_text(
                words
            )


def test_failed_upload_can_be_retried(open_page, demo_url, picture):
    page = open_page()
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    page.route("**/upload/", lambda route: route.fulfill(status=200, body="<h1>a page of a proxy</h1>"))
    drop_files(page, [("late.jpg", picture(310))])
    expect(page.locator(".upload-result-state[data-state=error]")).to_have_count(1)
    page.unroute("**/upload/")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".upload-result-state[data-state=added]")).to_have_count(1)


def test_every_example_finds_its_own_kind_first(page):
    page.goto("/")
    examples = page.locator(".examples button")
    kinds = [examples.nth(index).get_attribute("value") for index in range(examples.count())]
    assert len(kinds) >= 5
    for kind in kinds:
        page.goto("/")
        page.locator(f".examples button[value={kind}]").click()
        page.wait_for_url("**/search/*/")
        expect(page.locator(".tile-collection").first).to_have_text(kind.capitalize())


def test_dropping_photo_starts_search(page, picture):
    page.goto("/")
    drop_files(page, [("dropped.jpg", picture(400))])
    page.wait_for_url("**/search/*/")
    expect(page.locator(".query-label")).to_have_text("dropped.jpg")
    drop_files(page, [("another.jpg", picture(401))])
    expect(page.locator(".query-label")).to_have_text("another.jpg")


def test_filter_applies_on_change_and_can_be_cleared(page):
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    choose_option(page, "Collection", "Cups")
    page.wait_for_url("**/search/*/?collection=*")
    names = page.locator(".tile-collection").all_text_contents()
    assert set(names) == {"Cups"}
    expect(page.locator(".results .help").first).to_contain_text(f"{len(names)} images")
    page.get_by_role("link", name="Clear filters").click()
    page.wait_for_url(re.compile(r"/search/[^?]*$"))
    expect(page.locator(".tile")).to_have_count(24)


def test_browse_page_is_searched_by_keyword(page):
    page.goto("/images/")
    page.get_by_label("Keywords").fill("bicycles")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=bicycles**")
    assert set(page.locator(".tile-collection").all_text_contents()) == {"Bicycles"}
