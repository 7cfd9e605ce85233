"""The pictures of docs/screenshots, taken of a demo site that lives for as long: `python -m tests.screenshots`."""

import os
import tempfile
from io import BytesIO
from pathlib import Path

import django
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
django.setup()

from playwright.sync_api import Browser, Page  # noqa: E402

from catalog.demo.write_queries import FOLDER  # noqa: E402
from tests.browser.chromium import chromium, drop, sign_in  # noqa: E402
from tests.browser.conftest import demo_site  # noqa: E402
from tests.browser.test_search_page import draw_part  # noqa: E402
from tests.system.site import ADMINISTRATOR  # noqa: E402

PLACE = Path(__file__).parent.parent / "docs" / "screenshots"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 360, "height": 720}}
COLOURS = 128


def main() -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        site = demo_site(Path(home))
        try:
            take_all(browser, f"http://127.0.0.1:{site.port}")
        finally:
            site.close()


def take_all(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address, reduced_motion="reduce")  # no colour is caught half-way
    page.goto("/")
    shoot(page, "search")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    shoot(page, "results")
    draw_part(page)
    page.wait_for_url("**crop=*")
    page.mouse.move(0, 0)
    shoot(page, "part")
    page.locator(".tile-link").first.click()
    page.wait_for_url("**/images/**")
    shoot(page, "image")
    page.goto("/map/")
    shoot(page, "map")
    page.goto("/images/")
    shoot(page, "browse")
    sign_in(page, address, ADMINISTRATOR, then="/upload/")
    upload(page)
    shoot(page, "upload")


def upload(page: Page) -> None:
    """New pictures, and two files that are refused, each for its own reason."""
    files = [(path.name, path.read_bytes()) for path in sorted(FOLDER.glob("*.jpg"))[:3]]
    whole = files[0][1]
    drop(page, [*files, ("half a picture.jpg", whole[: len(whole) // 2]), ("notes.txt", b"Dear madam,")])
    page.locator(".outcome .status[data-state=indexed]").nth(len(files) - 1).wait_for()


def shoot(page: Page, name: str) -> None:
    """The page as it is, on a desktop and a phone, in light and dark."""
    for device, size in SIZES.items():
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_load_state("networkidle")
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(COLOURS).save(PLACE / f"{name}-{device}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
