"""What the page of results does in a browser: a part drawn on the photo, marks, further pages, and why it matched."""

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pixels
from playwright.sync_api import Page, expect

from .chromium import drop

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
VIEWS = {
    "on a phone, in Chinese, dark": {"viewport": PHONE, "locale": "zh-CN", "color_scheme": "dark"},
    "on a desktop, in English, light": {"viewport": DESKTOP, "locale": "en-GB", "color_scheme": "light"},
}


@pytest.fixture(params=VIEWS.values(), ids=VIEWS)
def results(request, open_page) -> Page:
    """The results of an example, in either view."""
    page = open_page(**request.param)
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    return page


def names(page: Page) -> list[str]:
    return page.locator(".tile-name").all_text_contents()


def draw_part(page: Page) -> None:
    """Draw a part of the photo with the mouse."""
    photo = page.locator("[data-crop]").bounding_box()
    page.mouse.move(photo["x"] + 0.2 * photo["width"], photo["y"] + 0.2 * photo["height"])
    page.mouse.down()
    for share in (0.4, 0.7):
        page.mouse.move(photo["x"] + share * photo["width"], photo["y"] + share * photo["height"])
    page.mouse.up()


def test_a_part_is_drawn_with_the_mouse_moved_with_keys_and_given_up(results):
    whole = results.url
    draw_part(results)
    results.wait_for_url("**crop=*")
    part = results.locator(".crop-box")
    expect(part).to_have_attribute("aria-label", re.compile("20.*20.*50.*50"))
    first = results.url

    part.focus()
    results.keyboard.press("ArrowRight")
    results.keyboard.press("Shift+ArrowDown")
    expect(part).to_have_attribute("aria-label", re.compile("22.*20.*50.*52"))
    results.wait_for_url(lambda url: "crop=" in url and url != first)

    results.reload()
    expect(results.locator(".crop-box")).to_have_attribute("aria-label", re.compile("22.*20.*50.*52"))
    results.locator(".crop-box").focus()
    results.keyboard.press("Escape")
    results.wait_for_url(whole)
    expect(results.locator(".crop-box")).to_be_hidden()
    results.go_back()
    expect(results.locator(".crop-box")).to_be_visible()


def test_results_are_marked_and_rank_anew_without_a_new_page(results):
    results.evaluate("window.stays = true")
    before = names(results)
    last = results.locator(".tile").nth(5)
    number = last.get_attribute("data-id")
    last.locator("[value^=more]").click()
    results.wait_for_url(f"**more={number}")
    expect(results.locator(f".tile [value='more-{number}']")).to_have_attribute("aria-pressed", "true")
    assert names(results) != before
    results.locator(f".mark-chip [value='more-{number}']").click()
    expect(results.locator(".mark-chip")).to_have_count(0)
    assert names(results) == before
    assert results.evaluate("window.stays")


def test_further_pages_come_by_themselves_and_have_addresses(results):
    expect(results.locator(".tile").nth(23)).to_be_attached()
    results.locator(".pagination").scroll_into_view_if_needed()
    expect(results.locator(".tile").nth(47)).to_be_attached()
    results.locator(".tile").nth(30).scroll_into_view_if_needed()
    results.wait_for_url("**page=2*")
    ranks = [int(rank) for rank in results.locator(".tile").evaluate_all("all => all.map((one) => one.value)")]
    assert ranks == sorted(set(ranks))
    results.reload()
    expect(results.locator(".tile").first).to_have_js_property("value", 25)


def test_the_threshold_leaves_out_what_is_less_alike(results):
    toggle = results.locator(".narrow-toggle input")
    if toggle.is_visible():
        toggle.check()
    best = float(results.locator(".score").first.inner_text().split()[-1])
    least = f"{int(best * 20) / 20:g}"
    results.locator("#id_least").fill(least)
    expect(results.locator("output")).to_have_text(least)
    results.wait_for_url(f"**least={least}*")
    told = results.locator("[data-tell]").inner_text()
    expect(results.locator("[data-follow] > [role=status]")).to_have_text(told)
    scores = [float(text.split()[-1]) for text in results.locator(".score").all_inner_texts()]
    assert scores
    assert min(scores) >= float(least)
    results.locator("#id_least").fill("0")
    results.wait_for_url(re.compile(r"/search/[^?]*$"))


def test_the_parts_that_matched_are_lit_under_the_pointer_and_the_focus(results):
    tile = results.locator(".tile").nth(2)
    tile.locator(".tile-name").hover()
    expect(tile.locator(".why-overlay.there")).to_have_count(1)
    expect(results.locator("[data-crop] .why-overlay.there")).to_have_count(1)
    results.mouse.move(0, 0)
    expect(results.locator(".why-overlay")).to_have_count(0)
    results.locator(".tile-link").nth(0).focus()
    results.keyboard.press("Tab")
    expect(results.locator(".why-overlay.there").first).to_be_attached()


def test_a_hit_opens_beside_the_photo(results):
    results.locator(".tile-link").nth(1).click()
    results.wait_for_url("**/images/**query=**")
    expect(results.locator(".compared-picture img")).to_have_count(2)
    results.locator("summary").click()
    for overlay in results.locator(".compared-why img").all():
        overlay.scroll_into_view_if_needed()
        expect(overlay).to_have_js_property("complete", True)
        assert overlay.evaluate("one => one.naturalWidth") > 0


def test_a_photo_is_added_and_marked_otherwise(open_page, picture):
    page = open_page()
    page.goto("/")
    drop(page, [("first.jpg", picture(700))])
    page.wait_for_url("**/search/*/")
    page.get_by_label("Add it to this search").check()
    drop(page, [("second.jpg", picture(701))])
    page.wait_for_url("**/search/*/?more=*")
    page.locator(".mark-chip").get_by_role("button", name="Less of this: second.jpg").click()
    page.wait_for_url("**less=*")
    expect(page.locator(".query-label")).to_have_text("first.jpg")


def photograph(width: int, height: int) -> bytes:
    """A large picture, turned by its EXIF: red on top once it is upright."""
    upright = np.zeros((height, width, 3), np.uint8)
    upright[: height // 2, :, 0] = 255
    upright[height // 2 :, :, 2] = 255
    out, exif = io.BytesIO(), Pixels.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to show it
    Pixels.fromarray(upright).rotate(90, expand=True).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def test_a_large_photo_is_shown_at_once_and_sent_small_and_upright(open_page):
    page = open_page()
    sent: list[bytes] = []
    page.on("request", lambda request: sent.append(request.post_data_buffer) if request.method == "POST" else None)
    page.goto("/")
    data = photograph(2400, 3200)
    held: list[Callable[[], None]] = []
    page.route("**/search/", lambda route: held.append(route.continue_))
    drop(page, [("large.jpg", data)])
    expect(page.locator(".chosen-photo")).to_be_visible()
    page.wait_for_timeout(0)
    while not held:
        page.wait_for_timeout(50)
    held[0]()
    page.wait_for_url("**/search/*/")
    (body,) = [one for one in sent if one]
    start = body.index(b"\xff\xd8\xff")
    arrived = Pixels.open(io.BytesIO(body[start:])).convert("RGB")
    assert arrived.size == (768, 1024)
    assert arrived.getpixel((384, 100))[0] > 200
    assert arrived.getpixel((384, 900))[2] > 200
    expect(page.locator(".query-label")).to_have_text("large.jpg")


def test_a_search_with_a_part_by_keys_alone(open_page):
    page = open_page()
    page.goto("/")

    def tab_to(selector: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(selector)

    tab_to(".examples button[value=bags]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/*/")
    tab_to("[data-crop-choose]")
    page.keyboard.press("Enter")
    page.wait_for_url("**crop=*")
    assert page.evaluate("document.activeElement.matches('.crop-box')")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".crop-box")).to_have_attribute("aria-label", re.compile("18.*20.*60.*60"))
    tab_to(".tile-link")
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/**crop=**")


def test_the_language_is_switched(open_page):
    page = open_page()
    page.goto("/images/")
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("浏览")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Browse")


@pytest.mark.parametrize("query", ["", "?crop=100,80,200,160"])
def test_nothing_moves_while_the_page_loads(open_page, query):
    page = open_page(viewport=PHONE)
    page.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.moved += one.value; }))
            .observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    page.goto(page.url + query, wait_until="networkidle")
    assert page.evaluate("window.moved") < 0.01
