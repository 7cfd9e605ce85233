"""Where the network fails, the photo and the results stay, and one can try again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page_actions import drop_files

SIZES = {
    "on a phone, in Chinese": {"viewport": {"width": 360, "height": 740}, "locale": "zh-CN"},
    "on a desktop, in English": {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB"},
}


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def page(request, browser: Browser, demo_url: str) -> Iterator[Page]:
    """A page without the checks of `open_page`, since requests fail."""
    context = browser.new_context(base_url=demo_url, **request.param)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_photo_and_results_survive_without_network(page, picture):
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    drop_files(page, [("first.jpg", picture(720))])
    error = page.locator("#photo-form [data-send-error]")
    expect(error).to_be_visible()
    expect(error.locator("span")).not_to_be_empty()
    assert page.locator("#id_photo").evaluate("input => input.files[0].name") == "first.jpg"
    expect(page.locator(".chosen-photo")).to_be_visible()
    error.get_by_role("button").click()
    expect(error).to_be_visible()
    page.context.set_offline(False)
    error.get_by_role("button").click()
    page.wait_for_url("**/search/*/")
    expect(page.locator(".query-label")).to_have_text("first.jpg")
    page.wait_for_load_state("networkidle")

    url = page.url
    page.context.set_offline(True)
    page.locator("[data-crop-select]").click()
    note = page.locator("[data-offline]")
    expect(note).to_be_visible()
    assert page.url == url
    assert page.locator(".tile").count() >= 20
    drop_files(page, [("second.jpg", picture(721))])
    expect(error).to_be_visible()
    assert page.locator("#id_photo").evaluate("input => input.files[0].name") == "second.jpg"
    page.context.set_offline(False)
    note.get_by_role("button").click()
    page.wait_for_url("**crop=*")
    expect(note).to_be_hidden()
    error.get_by_role("button").click()
    expect(page.locator(".query-label")).to_have_text("second.jpg")


def test_refused_photo_is_explained_without_leaving_the_page(page):
    page.goto("/")
    url = page.url
    drop_files(page, [("letter.jpg", b"Dear madam,")])
    error = page.locator("#photo-form [data-send-error]")
    expect(error).to_be_visible()
    assert page.url == url
    assert page.locator("html.busy").count() == 0
