"""The map."""

import re

import pytest
from playwright.sync_api import expect

MAX_RELOADS = 60


@pytest.fixture
def map_page(page):
    """The map page, once the worker has built the map."""
    for _ in range(MAX_RELOADS):
        page.goto("/map/")
        if page.locator(".map canvas").count():
            break
        page.wait_for_timeout(1000)
    page.wait_for_load_state("networkidle")
    return page


def canvas_pixels(page) -> str:
    """Return the canvas as a PNG in a data: URL."""
    return page.evaluate("document.querySelector('.map canvas').toDataURL()")


def test_map_pans_and_zooms_with_wheel_and_keys(map_page):
    canvas = map_page.locator(".map canvas")
    before = canvas_pixels(map_page)
    assert len(before) > 50_000  # an empty canvas has a few thousand
    canvas.hover()
    map_page.mouse.wheel(0, -600)
    map_page.wait_for_timeout(500)
    zoomed = canvas_pixels(map_page)
    assert zoomed != before
    canvas.focus()
    for key in ("ArrowLeft", "ArrowUp", "+"):
        map_page.keyboard.press(key)
    expect(map_page.locator(".map-label")).not_to_be_empty()
    map_page.wait_for_timeout(300)
    assert canvas_pixels(map_page) != zoomed


def test_key_searches_with_selected_image(map_page):
    map_page.locator(".map canvas").focus()
    map_page.keyboard.press("Enter")
    map_page.wait_for_url("**/images/*/similar/")
    expect(map_page.locator(".tile")).to_have_count(24)


def test_hover_shows_name_and_click_searches(map_page):
    canvas = map_page.locator(".map canvas")
    canvas.focus()
    map_page.keyboard.press("ArrowRight")
    box = canvas.bounding_box()
    name = map_page.locator(".map-label")
    for step in range(400):
        map_page.mouse.move(
            box["x"] + box["width"] * (0.3 + 0.001 * step), box["y"] + box["height"] * (0.3 + 0.001 * step)
        )
        if step and name.inner_text():
            break
    label = name.inner_text()
    assert label
    map_page.mouse.down()
    map_page.mouse.up()
    map_page.wait_for_url("**/images/*/similar/")
    expect(map_page.locator(".query-label")).to_have_text(re.compile(re.escape(label)))
