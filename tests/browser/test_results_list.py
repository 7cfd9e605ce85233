"""The list of results: sections, further pages, near-duplicates, and the way back to a place in it."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.site import Site, environment

# 720 images without files, so that they are made quickly: six kinds, of which one has further copies of one image.
CREATE_IMAGES = """
import numpy as np
from catalog.services.index import rebuilding
from tests import indexed_images
vectors = indexed_images.clustered_vectors(6, 120, spread=0.1)
vectors[1] = vectors[2] = vectors[0]
vectors[4] = vectors[5] = vectors[3]
indexed_images.add_indexed_images(vectors, collections=[f"kind {number // 120}" for number in range(720)])
rebuilding.rebuild()
"""
SIZES = {
    "on a phone, in Chinese": {"viewport": {"width": 360, "height": 740}, "locale": "zh-CN", "has_touch": True},
    "on a desktop, in English": {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB"},
}
PAGE_SIZE, AUTOMATIC_PAGES = 24, 4


@pytest.fixture(scope="module")
def large_site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("large")
    site = Site(home, environment(home))
    for arguments in (["migrate"], ["shell", "-c", CREATE_IMAGES]):
        completed = site.run(*arguments)
        assert completed.returncode == 0, completed.stderr
    site.web(processes=1)
    yield site
    site.close()


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def page(request, browser: Browser, large_site: Site) -> Iterator[Page]:
    """A page without the checks of `open_page`: the pictures of this site are missing."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{large_site.port}", **request.param)
    context.set_default_timeout(15_000)
    page = context.new_page()
    yield page
    context.close()


def tiles(page: Page) -> list[int]:
    """The ranks of the visible results."""
    visible = page.locator(".tile:not([hidden])")
    return [int(rank) for rank in visible.evaluate_all("tiles => tiles.map((tile) => tile.value)")]


def scroll_until(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(60):
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(100)
        if condition():
            return
    raise AssertionError("The end of the page was not reached.")


def is_footer_in_view(page: Page) -> bool:
    return page.locator(".site-footer").evaluate("footer => footer.getBoundingClientRect().bottom <= innerHeight + 1")


def test_list_ends_where_matches_turn_weak(page):
    page.goto("/images/10/similar/")
    start_url = page.url
    assert "119" in page.locator("[data-announce]").inner_text()
    scroll_until(page, lambda: is_footer_in_view(page) and len(tiles(page)) > 80)
    page.wait_for_timeout(500)
    assert is_footer_in_view(page), "Pages go on loading, so that the footer cannot be reached."
    assert max(tiles(page)) == AUTOMATIC_PAGES * PAGE_SIZE
    assert page.url == start_url
    page.locator("[data-load=next]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".load-more.weaker")).to_be_visible()
    assert max(tiles(page)) == 119
    assert tiles(page) == sorted(set(tiles(page)))
    assert page.evaluate("document.activeElement.matches('.tile-link')")
    levels = page.locator("[data-section] h2").evaluate_all("headings => headings.map((heading) => heading.id)")
    assert levels == sorted(set(levels), key=["section-same", "section-very_similar", "section-similar"].index)

    page.locator("[data-load=next]").click()
    expect(page.locator("#section-weak")).to_be_visible()
    expect(page.locator("[data-group=weak] .tile").first).to_have_js_property("value", 120)
    shown = len(tiles(page))
    scroll_until(page, lambda: is_footer_in_view(page))
    page.wait_for_timeout(500)
    assert len(tiles(page)) == shown, "Weak matches load without being asked for."


def expect_place(page: Page, image_id: str, top: float) -> None:
    page.wait_for_function(
        """([id, top]) => {
            const tile = document.querySelector(`.tile[data-id="${id}"]`);
            return tile && Math.abs(tile.getBoundingClientRect().top - top) < 3;
        }""",
        arg=[image_id, top],
    )


def test_place_is_kept_on_the_way_back_and_in_links(page):
    url = "/images/10/similar/?min_score=0.05&added_within=7&positive=20&negative=300"
    page.goto(url)
    scroll_until(page, lambda: len(tiles(page)) > 50)
    tile = page.locator(".tile:not([hidden])").nth(40)
    tile.evaluate("tile => tile.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(400)
    image_id, rank = tile.get_attribute("data-id"), int(tile.evaluate("tile => tile.value"))
    top = tile.bounding_box()["y"]
    assert "page=" not in page.url

    tile.locator(".tile-link").click()
    page.wait_for_url(re.compile(rf"/images/{image_id}/\?image=10&"))
    page.go_back()
    assert page.url.endswith(url)
    expect_place(page, image_id, top)
    page.reload()
    expect(page.locator(f".tile[data-id='{image_id}']")).to_be_in_viewport()

    page.locator(f".tile[data-id='{image_id}'] .tile-link").click()
    page.locator(".comparison-score a").click()
    page.wait_for_url("**/similar/**")
    page_number = (rank - 1) // PAGE_SIZE + 1
    assert page.url.endswith(f"{url}&page={page_number}#image-{image_id}")
    expect(page.locator(f".tile[data-id='{image_id}']")).to_be_in_viewport()

    earlier = page.locator("[data-load=previous]")
    first_rank = tiles(page)[0]
    assert first_rank > PAGE_SIZE
    top = page.locator(f".tile[data-id='{image_id}']").bounding_box()["y"]
    earlier.evaluate("link => link.click()")
    page.wait_for_function("rank => document.querySelector('.tile').value < rank", arg=first_rank)
    assert tiles(page)[0] == first_rank - PAGE_SIZE
    assert tiles(page) == sorted(set(tiles(page)))
    expect_place(page, image_id, top)


def test_near_duplicates_unfold_for_one_hit(page):
    page.goto("/images/10/similar/")
    scroll_until(page, lambda: is_footer_in_view(page) and len(tiles(page)) > 80)
    shown, url = len(tiles(page)), page.url
    first, second = (page.locator("[data-unfold]").nth(index) for index in range(2))
    first.focus()
    page.keyboard.press("Enter")
    expect(first).to_have_attribute("aria-expanded", "true")
    expect(second).to_have_attribute("aria-expanded", "false")
    copies = page.locator(f"[data-copy-of='{first.get_attribute('data-unfold')}']")
    expect(copies.first).to_be_visible()
    assert len(tiles(page)) == shown + copies.count()
    assert page.url == url
    first.click()
    assert len(tiles(page)) == shown
