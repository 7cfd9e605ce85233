"""The results page in a browser: crops, feedback, infinite scrolling, thresholds and explanations."""

import io
import re

import numpy as np
import pytest
from django.conf import settings
from PIL import Image as Pixels
from playwright.sync_api import Page, Route, expect

from tests.browser.page_actions import drop_files

MAX_WAITS = 150  # of 100 ms, for a request
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
VIEWPORTS = {
    "on a phone, in Chinese, dark": {"viewport": PHONE, "locale": "zh-CN", "color_scheme": "dark"},
    "on a desktop, in English, light": {"viewport": DESKTOP, "locale": "en-GB", "color_scheme": "light"},
}


@pytest.fixture(params=VIEWPORTS.values(), ids=VIEWPORTS)
def results_page(request, open_page) -> Page:
    """The results of an example photo, in either configuration."""
    page = open_page(**request.param)
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    return page


def result_names(page: Page) -> list[str]:
    return page.locator(".tile-name").all_text_contents()


def draw_crop(page: Page) -> None:
    """Select an area of the photo with the mouse."""
    photo = page.locator("[data-crop]").bounding_box()
    page.mouse.move(photo["x"] + 0.2 * photo["width"], photo["y"] + 0.2 * photo["height"])
    page.mouse.down()
    for fraction in (0.4, 0.7):
        page.mouse.move(photo["x"] + fraction * photo["width"], photo["y"] + fraction * photo["height"])
    page.mouse.up()


def test_crop_is_drawn_with_mouse_moved_with_keys_and_cleared(results_page):
    whole_photo_url = results_page.url
    draw_crop(results_page)
    results_page.wait_for_url("**crop=*")
    box = results_page.locator(".crop-box")
    expect(box).to_have_attribute("aria-label", re.compile("20.*20.*50.*50"))
    first_url = results_page.url

    box.focus()
    results_page.keyboard.press("ArrowRight")
    results_page.keyboard.press("Shift+ArrowDown")
    expect(box).to_have_attribute("aria-label", re.compile("22.*20.*50.*52"))
    results_page.wait_for_url(lambda url: "crop=" in url and url != first_url)

    results_page.reload()
    expect(results_page.locator(".crop-box")).to_have_attribute("aria-label", re.compile("22.*20.*50.*52"))
    results_page.locator(".crop-box").focus()
    results_page.keyboard.press("Escape")
    results_page.wait_for_url(whole_photo_url)
    expect(results_page.locator(".crop-box")).to_be_hidden()
    results_page.go_back()
    expect(results_page.locator(".crop-box")).to_be_visible()


def test_feedback_reranks_results_without_page_load(results_page):
    results_page.evaluate("window.notReloaded = true")
    before = result_names(results_page)
    last = results_page.locator(".tile").nth(5)
    image_id = last.get_attribute("data-id")
    last.locator("[value^=positive]").click()
    results_page.wait_for_url(f"**positive={image_id}")
    expect(results_page.locator(f".tile [value='positive-{image_id}']")).to_have_attribute("aria-pressed", "true")
    assert result_names(results_page) != before
    results_page.locator(f".feedback-item [value='positive-{image_id}']").click()
    expect(results_page.locator(".feedback-item")).to_have_count(0)
    assert result_names(results_page) == before
    assert results_page.evaluate("window.notReloaded")


def test_next_pages_load_on_scroll(results_page):
    url = results_page.url
    expect(results_page.locator(".tile").nth(23)).to_be_attached()
    results_page.locator(".pagination").scroll_into_view_if_needed()
    expect(results_page.locator(".tile").nth(47)).to_be_attached()
    results_page.locator(".tile").nth(42).scroll_into_view_if_needed()
    ranks = [
        int(rank)
        for rank in results_page.locator(".tile:not([hidden])").evaluate_all("tiles => tiles.map((tile) => tile.value)")
    ]
    assert ranks == sorted(set(ranks))
    assert results_page.url == url
    results_page.goto(f"{url}?page=2")
    expect(results_page.locator(".tile").first).to_have_js_property("value", 25)
    results_page.locator("[data-load=previous]").click()
    expect(results_page.locator(".tile").first).to_have_js_property("value", 1)
    expect(results_page.locator("[data-load=previous]")).to_have_count(0)


def test_threshold_hides_lower_scores(results_page):
    toggle = results_page.locator(".filters-toggle")
    if toggle.is_visible():
        toggle.click()
    best = float(results_page.locator(".score").first.inner_text().split()[-1])
    min_score = f"{int(best * 20) / 20:g}"
    results_page.locator("#id_min_score").fill(min_score)
    expect(results_page.locator("output")).to_have_text(min_score)
    results_page.wait_for_url(f"**min_score={min_score}*")
    result = results_page.locator("[data-announce]").inner_text()
    expect(results_page.locator("[data-partial-navigation] > [role=status]")).to_have_text(result)
    scores = [float(text.split()[-1]) for text in results_page.locator(".score").all_inner_texts()]
    assert scores
    assert min(scores) >= float(min_score)
    results_page.locator("#id_min_score").fill("0")
    results_page.wait_for_url(re.compile(r"/search/[^?]*$"))


def test_hover_and_focus_highlight_matching_areas(results_page):
    tile = results_page.locator(".tile").nth(2)
    tile.locator(".tile-name").hover()
    expect(tile.locator(".explanation-overlay.loaded")).to_have_count(1)
    expect(results_page.locator("[data-crop] .explanation-overlay.loaded")).to_have_count(1)
    results_page.mouse.move(0, 0)
    expect(results_page.locator(".explanation-overlay")).to_have_count(0)
    results_page.locator(".tile-link").nth(0).focus()
    results_page.keyboard.press("Tab")
    expect(results_page.locator(".explanation-overlay.loaded").first).to_be_attached()


def test_hit_page_shows_comparison_with_photo(results_page):
    results_page.locator(".tile-link").nth(1).click()
    results_page.wait_for_url("**/images/**query=**")
    expect(results_page.locator(".comparison-picture img")).to_have_count(2)
    results_page.locator("summary").click()
    for overlay in results_page.locator(".comparison-explanation img").all():
        overlay.scroll_into_view_if_needed()
        expect(overlay).to_have_js_property("complete", True)
        assert overlay.evaluate("image => image.naturalWidth") > 0


def test_second_photo_can_be_added_as_negative(open_page, picture):
    page = open_page()
    page.goto("/")
    drop_files(page, [("first.jpg", picture(700))])
    page.wait_for_url("**/search/*/")
    page.get_by_label("Add the photo to this search").check()
    drop_files(page, [("second.jpg", picture(701))])
    page.wait_for_url("**/search/*/?positive=*")
    page.locator(".feedback-item").get_by_role("button", name="Less like this: second.jpg").click()
    page.wait_for_url("**negative=*")
    expect(page.locator(".query-label")).to_have_text("first.jpg")


def create_photo(width: int, height: int) -> bytes:
    """Return a JPEG whose EXIF orientation turns it. Upright, its upper half is red and its lower half blue."""
    upright = np.zeros((height, width, 3), np.uint8)
    upright[: height // 2, :, 0] = 255
    upright[height // 2 :, :, 2] = 255
    out, exif = io.BytesIO(), Pixels.Exif()
    exif[0x0112] = 6  # shown rotated by 90° clockwise
    Pixels.fromarray(upright).rotate(90, expand=True).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def test_large_photo_is_previewed_and_sent_resized_and_upright(open_page):
    page = open_page()
    sent: list[bytes] = []
    page.on("request", lambda request: sent.append(request.post_data_buffer) if request.method == "POST" else None)
    page.goto("/")
    data = create_photo(2400, 3200)
    held_requests: list[Route] = []

    def hold(route: Route) -> None:
        held_requests.append(route)

    page.route("**/search/", hold)
    drop_files(page, [("large.jpg", data)])
    expect(page.locator(".chosen-photo")).to_be_visible()
    for _ in range(MAX_WAITS):
        if held_requests:
            break
        page.wait_for_timeout(100)
    (held_request,) = held_requests
    held_request.continue_()
    page.wait_for_url("**/search/*/")
    (body,) = [body for body in sent if body]
    start = body.index(b"\xff\xd8\xff")
    received = Pixels.open(io.BytesIO(body[start:])).convert("RGB")
    assert received.size == (768, 1024)
    assert received.getpixel((384, 100))[0] > 200
    assert received.getpixel((384, 900))[2] > 200
    expect(page.locator(".query-label")).to_have_text("large.jpg")


def test_crop_search_with_keyboard_only(open_page):
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
    tab_to("[data-crop-select]")
    page.keyboard.press("Enter")
    page.wait_for_url("**crop=*")
    assert page.evaluate("document.activeElement.matches('.crop-box')")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".crop-box")).to_have_attribute("aria-label", re.compile("18.*20.*60.*60"))
    tab_to(".tile-link")
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/**crop=**")


def test_language_can_be_switched(open_page):
    page = open_page()
    page.goto("/images/")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="简体中文", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("浏览")
    page.get_by_role("button", name="语言").click()
    page.get_by_role("button", name="English", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Browse")


@pytest.mark.parametrize("query", ["", "?crop=100,80,200,160"])
def test_layout_does_not_shift_while_page_loads(open_page, query):
    page = open_page(viewport=PHONE)
    page.add_init_script(
        """window.layoutShift = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.layoutShift += entry.value; }))
            .observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    page.goto(page.url + query, wait_until="networkidle")
    assert page.evaluate("window.layoutShift") <= 0.02


def test_a_dot_on_the_photo_searches_with_a_region(open_page, picture, tmp_path):
    """A bag of the demo in a corner of a colourful photo."""
    photo = Pixels.open(io.BytesIO(picture(7, size=(900, 700))))
    with Pixels.open(settings.BASE_DIR / "static/demo/queries/bags.jpg") as bag:
        photo.paste(bag.convert("RGB").resize((380, 285)), (480, 380))
    photo.save(tmp_path / "cluttered.jpg")
    page = open_page(viewport=DESKTOP)
    page.goto("/")
    page.set_input_files("#id_photo", tmp_path / "cluttered.jpg")
    page.wait_for_url("**/search/*/")
    dot = page.get_by_role("link", name="Search with part 1 of the photo")
    expect(dot).to_be_visible()
    box, frame = dot.bounding_box(), page.locator("[data-crop]").bounding_box()
    assert min(box["width"], box["height"]) >= 44
    assert (box["x"] + box["width"] / 2 - frame["x"]) / frame["width"] > 0.5
    dot.click()
    page.wait_for_url("**crop=*")
    expect(page.locator(".crop-box")).to_be_visible()
    expect(page.locator("[data-region=results] .tile").first).to_contain_text("bags")
