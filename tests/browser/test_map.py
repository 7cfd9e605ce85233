"""The whole catalogue on a canvas."""

import re

import pytest
from playwright.sync_api import expect

LOOKS = 60


@pytest.fixture
def chart(page):
    """The page with the map, once the worker has made it."""
    for _ in range(LOOKS):
        page.goto("/map/")
        if page.locator(".map canvas").count():
            break
        page.wait_for_timeout(1000)
    page.wait_for_load_state("networkidle")
    return page


def drawn(page) -> str:
    """What the canvas shows, as a PNG in a data: address."""
    return page.evaluate("document.querySelector('.map canvas').toDataURL()")


def test_it_is_moved_over_and_come_nearer_to_by_wheel_and_by_keys(chart):
    canvas = chart.locator(".map canvas")
    before = drawn(chart)
    assert len(before) > 50_000  # an empty one has a few thousand
    canvas.hover()
    chart.mouse.wheel(0, -600)
    chart.wait_for_timeout(500)
    nearer = drawn(chart)
    assert nearer != before
    canvas.focus()
    for key in ("ArrowLeft", "ArrowUp", "+"):
        chart.keyboard.press(key)
    expect(chart.locator(".map-name")).not_to_be_empty()
    chart.wait_for_timeout(300)
    assert drawn(chart) != nearer


def test_a_picture_is_searched_with_by_a_key(chart):
    chart.locator(".map canvas").focus()
    chart.keyboard.press("Enter")
    chart.wait_for_url("**/images/*/similar/")
    expect(chart.locator(".tile")).to_have_count(24)


def test_a_picture_under_the_pointer_is_named_and_a_click_searches_with_it(chart):
    canvas = chart.locator(".map canvas")
    canvas.focus()
    chart.keyboard.press("ArrowRight")
    box = canvas.bounding_box()
    name = chart.locator(".map-name")
    for step in range(400):
        chart.mouse.move(
            box["x"] + box["width"] * (0.3 + 0.001 * step), box["y"] + box["height"] * (0.3 + 0.001 * step)
        )
        if step and name.inner_text():
            break
    label = name.inner_text()
    assert label
    chart.mouse.down()
    chart.mouse.up()
    chart.wait_for_url("**/images/*/similar/")
    expect(chart.locator(".query-label")).to_have_text(re.compile(re.escape(label)))
