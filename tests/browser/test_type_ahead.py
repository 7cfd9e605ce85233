"""Choosing among many collections by typing, and removing filters."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.page_actions import choose_option
from tests.browser.test_accessibility import violations

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 860}


@pytest.mark.parametrize(("viewport", "locale"), [(PHONE, "en-GB"), (DESKTOP, "zh-CN")])
def test_a_collection_is_chosen_by_typing_and_removed_by_its_chip(open_page, viewport, locale):
    page = open_page(viewport=viewport, locale=locale)
    page.goto("/images/", wait_until="networkidle")
    field = page.get_by_role("combobox", name=re.compile("^(Collection|图集)$"))
    field.focus()
    page.keyboard.press("ArrowDown")
    options = page.get_by_role("listbox").get_by_role("option")
    count = options.count()
    assert count >= 8
    cover = options.nth(1).locator("img")
    expect(cover).to_be_visible()
    cover.evaluate("image => image.decode()")
    expect(options.nth(1)).to_have_text(re.compile(r"\w+ \(\d+\)"))
    assert violations(page) == []
    page.keyboard.type("CUP")
    expect(options).to_have_text([re.compile(r"Cups \(\d+\)")])
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/?collection=*")
    expect(page.locator(".tile-collection").first).to_have_text("Cups")
    expect(field).to_be_focused()
    expect(field).to_have_value(re.compile(r"Cups \(\d+\)"))

    page.keyboard.type("nothing like it")
    expect(page.locator(".combobox [role=status]").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_have_value(re.compile("Cups"))
    chip = page.locator(".chip")
    expect(chip).to_have_text(re.compile("(Collection|图集): Cups"))
    assert min(chip.bounding_box()["height"], chip.bounding_box()["width"]) >= 44
    chip.click()
    expect(page.locator(".chip")).to_have_count(0)
    expect(field).to_have_value("")
    assert "collection" not in page.url


def test_the_list_stays_without_scripts(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/images/?format=JPEG")
    choose_option(page, "Collection", "Cups")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".chip")).to_have_text([re.compile("Collection: Cups"), re.compile("Format: JPEG")])
    page.locator(".chip").first.click()
    expect(page).to_have_url(re.compile(r"/images/\?format=JPEG$"))
