"""The whole way of a picture, in a real browser, with a real worker."""

import re

from playwright.sync_api import expect

from tests.pages.bad_pictures import REFUSED
from tests.system.site import ADMINISTRATOR

from .chromium import choose, drop, paste, sign_in


def test_five_pictures_are_dropped_become_searchable_and_one_is_found_by_pasting_it(page, address, picture):
    sign_in(page, address, ADMINISTRATOR, then="/upload/")
    page.get_by_label("Collection").fill("Spring")
    drop(page, [(f"spring-{number}.jpg", picture(200 + number)) for number in range(5)])
    expect(page.locator(".outcome-said[data-state=added]")).to_have_count(5)
    expect(page.locator(".outcome .status[data-state=indexed]")).to_have_count(5, timeout=60_000)

    page.get_by_role("link", name="Search", exact=True).click()
    page.wait_for_url(f"{address}/")
    paste(page, ("pasted.jpg", picture(203)))
    page.wait_for_url("**/search/*/")
    first = page.locator(".tile").first
    expect(first.locator(".tile-name")).to_have_text("spring-3.jpg")
    expect(first.locator(".score")).to_contain_text("1.000")
    expect(first.locator(".tile-collection")).to_have_text("Spring")

    first.locator(".tile-link").click()
    page.wait_for_url("**/images/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("spring-3.jpg")
    page.get_by_role("link", name="More like this", exact=True).click()
    page.wait_for_url("**/similar/")
    expect(page.locator(".tile-name").first).not_to_have_text("spring-3.jpg")
    expect(page.locator(".tile")).to_have_count(24)


def test_refused_and_known_files_are_told_apart(page, address, picture):
    sign_in(page, address, ADMINISTRATOR, then="/upload/")
    drop(page, [("known.jpg", picture(300))])
    expect(page.locator(".outcome-said[data-state=added]")).to_have_count(1)
    bad = {name: data for name, data, _ in REFUSED.values() if data}
    drop(page, [("again.jpg", picture(300)), *bad.items()])
    expect(page.locator(".outcome-said[data-state=refused]")).to_have_count(len(bad))
    known = page.locator(".outcome", has=page.locator("[data-state=duplicate]"))
    expect(known).to_have_count(1)
    expect(known.locator("a.outcome-name")).to_have_attribute("href", re.compile(r"/images/\d+/"))
    for name, _, words in REFUSED.values():
        if name in bad:
            expect(page.locator(".outcome", has_text=name).locator(".outcome-reason")).to_contain_text(words)


def test_an_upload_that_does_not_arrive_can_be_sent_again(open_page, address, picture):
    page = open_page()
    sign_in(page, address, ADMINISTRATOR, then="/upload/")
    page.route("**/upload/", lambda route: route.fulfill(status=200, body="<h1>a proxy's page</h1>"))
    drop(page, [("late.jpg", picture(310))])
    expect(page.locator(".outcome-said[data-state=error]")).to_have_count(1)
    page.unroute("**/upload/")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".outcome-said[data-state=added]")).to_have_count(1)


def test_every_example_finds_its_own_kind_first(page):
    page.goto("/")
    examples = page.locator(".examples button")
    kinds = [examples.nth(at).get_attribute("value") for at in range(examples.count())]
    assert len(kinds) >= 5
    for kind in kinds:
        page.goto("/")
        page.locator(f".examples button[value={kind}]").click()
        page.wait_for_url("**/search/*/")
        expect(page.locator(".tile-collection").first).to_have_text(kind.capitalize())


def test_a_dropped_photo_is_searched_with_at_once(page, picture):
    page.goto("/")
    drop(page, [("dropped.jpg", picture(400))])
    page.wait_for_url("**/search/*/")
    expect(page.locator(".query-label")).to_have_text("dropped.jpg")
    drop(page, [("another.jpg", picture(401))])
    expect(page.locator(".query-label")).to_have_text("another.jpg")


def test_a_filter_applies_as_soon_as_it_is_chosen_and_can_be_cleared(page):
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    choose(page, "Collection", "Cups")
    page.wait_for_url("**/search/*/?collection=*")
    names = page.locator(".tile-collection").all_text_contents()
    assert set(names) == {"Cups"}
    expect(page.locator(".answer .help").first).to_contain_text(f"{len(names)} images")
    page.get_by_role("link", name="Clear").click()
    page.wait_for_url(re.compile(r"/search/[^?]*$"))
    expect(page.locator(".tile")).to_have_count(24)


def test_words_are_looked_for_while_browsing(page):
    page.goto("/images/")
    page.get_by_label("Words").fill("bicycles")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=bicycles**")
    assert set(page.locator(".tile-collection").all_text_contents()) == {"Bicycles"}
