"""Saved searches: the badge in the header, the name, renaming."""

import re

from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.browser.test_header import DESKTOP, PHONE, small_targets

FORGET = "from catalog.models import SavedSearch as S; S.objects.update(counted_at=None, last_seen_image_id=0)"


def test_a_saved_search_keeps_its_name_and_new_matches_show_in_the_header(superuser_page, demo_server):
    page = superuser_page
    page.set_viewport_size(DESKTOP)
    page.goto("/images/3/similar/?format=JPEG")
    page.locator("#id_saved_search_name").fill("Chairs for the hall")
    page.locator(".save-search button").click()
    page.wait_for_url("**/saved/")
    badge = page.locator("header .badge")
    expect(badge).to_be_hidden()

    completed = demo_server.run("shell", "-c", FORGET)  # as if all images were new
    assert completed.returncode == 0, completed.stderr
    page.goto("/map/")
    expect(badge).to_have_text(re.compile(r"^(\d\d?|99\+) new matches$"))
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        page.goto("/map/", wait_until="networkidle")
        expect(badge).to_be_visible()
        rows = {link.bounding_box()["y"] for link in page.locator("header nav a").all()}
        assert len(rows) == 1
        assert page.evaluate("document.querySelector('header nav ul').scrollWidth") <= size["width"]
        assert small_targets(page) == []
    page.locator("header nav a", has=page.locator(".badge")).click()
    page.wait_for_url("**/saved/")

    page.get_by_text("Rename", exact=False).first.click()
    assert violations(page) == []
    page.get_by_label("Name").fill("Chairs")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Chairs", exact=True).click()
    expect(page).to_have_title(re.compile("^Chairs"))
    expect(page.locator("#results-title")).to_have_text("Chairs")
    expect(page.locator(".save-search")).to_have_count(0)
    page.locator(".chip").first.click()
    expect(page.locator("#results-title")).not_to_have_text("Chairs")
    expect(page.locator(".save-search button")).to_be_attached()
