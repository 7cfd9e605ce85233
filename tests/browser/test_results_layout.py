"""The results page in windows of every size: the first result is in view, and all that one can do can be reached."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_actions import sign_in
from tests.system.site import ADMINISTRATOR

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
ZOOMED = {"viewport": {"width": 640, "height": 430}}  # 1280 × 860 at 200 %
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
ENGLISH, CHINESE = {"locale": "en-GB"}, {"locale": "zh-CN", "color_scheme": "dark"}
MIN_TOUCH_TARGET = 44
TOUCH_TARGETS = (
    ".query :is(a.chip, button, summary, select, .filters-toggle, .check label, .drop-target, input[type=range]),"
    ".page-links a, .load-earlier a, .tile-duplicates"
)
RECORD_LAYOUT_SHIFT = """
    window.layoutShift = 0;
    window.moved = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
        window.layoutShift += entry.value;
        window.moved.push(...entry.sources.map(({ node }) => node?.className || node?.textContent));
    })).observe({ type: "layout-shift", buffered: true });
"""


def open_results(page: Page) -> str:
    """Search with an example, and open its results as a link does. Returns their path."""
    page.add_init_script(RECORD_LAYOUT_SHIFT)
    page.goto("/")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    page.goto(page.url, wait_until="networkidle")
    return page.evaluate("location.pathname")


def top_of_first_result(page: Page) -> float:
    """The distance of the first picture from the upper edge of the window, as a share of the window."""
    return page.evaluate("document.querySelector('.tile img').getBoundingClientRect().top / innerHeight")


def is_in_window(page: Page, selector: str) -> bool:
    return page.locator(selector).first.evaluate(
        """element => {
            const { top, bottom, height } = element.getBoundingClientRect();
            return height > 0 && top >= 0 && bottom <= innerHeight;
        }"""
    )


@pytest.mark.parametrize(("size", "share"), [(PHONE, 0.45), (ZOOMED, 0.6)], ids=["phone", "zoomed"])
@pytest.mark.parametrize("language", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_first_result_is_in_view_and_nothing_moves(open_page, demo_url, size, share, language):
    page = open_page(**size, **language)
    path = open_results(page)
    assert top_of_first_result(page) <= share
    assert page.evaluate("window.layoutShift") <= 0.02, page.evaluate("window.moved")
    collection = page.locator("#id_collection option").nth(1).get_attribute("value")
    page.goto(f"{path}?collection={collection}&min_score=0.1", wait_until="networkidle")
    assert page.locator(".query-chips .chip").count() == 2
    assert is_in_window(page, ".query-chips .chip")
    expect(page.locator("#id_collection_text, #id_collection").last).to_be_hidden()
    assert top_of_first_result(page) <= share
    assert page.evaluate("window.layoutShift") <= 0.02, page.evaluate("window.moved")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]
    page.locator(".filters-toggle").click()
    expect(page.locator("#id_min_score")).to_be_visible()
    page.locator(".query-chips .chip").last.click()
    expect(page.locator(".query-chips .chip")).to_have_count(1)
    page.wait_for_url(f"**{path}?collection={collection}")

    page.locator(".filters-toggle").click()
    page.locator("[data-crop-select]").click()
    page.wait_for_url("**crop=*")
    assert top_of_first_result(page) <= 0.9
    expect(page.locator(".crop-box")).to_be_visible()
    assert page.locator("[data-crop] img").evaluate("image => image.clientHeight") > 100
    if size is PHONE:
        assert not small_targets(page), small_targets(page)


def small_targets(page: Page) -> list[str]:
    """The links and controls of the search, and between the results, that are too small for a finger."""
    return page.evaluate(
        """([selectors, least]) => [...document.querySelectorAll(selectors)]
            .filter((element) => element.checkVisibility({ visibilityProperty: true }))
            .filter((element) => element.getBoundingClientRect().height < least - 0.5)
            .map((element) => `${element.className || element.tagName} ${element.getBoundingClientRect().height}`)""",
        [TOUCH_TARGETS, MIN_TOUCH_TARGET],
    )


def test_signed_in_on_a_phone_the_first_result_is_in_view(open_page, demo_url):
    page = open_page(**PHONE, **ENGLISH)
    sign_in(page, demo_url, ADMINISTRATOR)
    open_results(page)
    assert top_of_first_result(page) <= 0.45
    page.locator(".filters-toggle").click()
    assert not small_targets(page), small_targets(page)


def test_all_of_the_query_can_be_reached_beside_the_results(open_page, demo_url):
    page = open_page(**DESKTOP, **ENGLISH)
    sign_in(page, demo_url, ADMINISTRATOR)
    open_results(page)
    assert page.evaluate("window.layoutShift") <= 0.02, page.evaluate("window.moved")
    page.locator(".tile").nth(12).evaluate("tile => tile.scrollIntoView({ block: 'center' })")
    place = page.evaluate("scrollY")
    assert place > 200
    panel = page.locator(".query").bounding_box()
    assert panel["y"] >= 0
    assert panel["y"] + panel["height"] <= DESKTOP["viewport"]["height"]
    assert is_in_window(page, "[data-crop-select]")  # at once, without scrolling the panel
    assert is_in_window(page, ".query .drop-target .button")
    for selector in ("[name=add_to_url]", "#id_min_score", "#id_saved_search_name", ".save-search button"):
        page.locator(f".query {selector}").scroll_into_view_if_needed()
        assert is_in_window(page, f".query {selector}"), selector
        assert page.evaluate("scrollY") == place, selector
