"""Take the pictures of docs/screenshots from a temporary demo site: `python -m tests.screenshots`."""

import os
import tempfile
from io import BytesIO
from pathlib import Path

import django
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
django.setup()

from playwright.sync_api import Browser, Page  # noqa: E402

from catalog.demo.write_queries import QUERIES_DIR  # noqa: E402
from tests.browser.conftest import demo_site  # noqa: E402
from tests.browser.page_actions import chromium, drop_files, sign_in  # noqa: E402
from tests.browser.test_search_page import draw_crop  # noqa: E402
from tests.system.site import ADMINISTRATOR  # noqa: E402

SCREENSHOTS_DIR = Path(__file__).parent.parent / "docs" / "screenshots"
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 360, "height": 720}}
PALETTE_COLOURS = 128


def main() -> None:
    SCREENSHOTS_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        site = demo_site(Path(home))
        try:
            take_screenshots(browser, f"http://127.0.0.1:{site.port}")
        finally:
            site.close()


def take_screenshots(browser: Browser, url: str) -> None:
    page = browser.new_page(base_url=url, reduced_motion="reduce")  # no transition is caught halfway
    page.goto("/")
    take_screenshot(page, "search")
    page.locator(".examples button[value=bags]").click()
    page.wait_for_url("**/search/*/")
    take_screenshot(page, "results")
    draw_crop(page)
    page.wait_for_url("**crop=*")
    page.mouse.move(0, 0)
    take_screenshot(page, "crop")
    page.locator(".tile-link").first.click()
    page.wait_for_url("**/images/**")
    take_screenshot(page, "image")
    page.goto("/map/")
    take_screenshot(page, "map")
    page.goto("/images/")
    take_screenshot(page, "browse")
    sign_in(page, url, ADMINISTRATOR, then="/upload/")
    upload(page)
    take_screenshot(page, "upload")


def upload(page: Page) -> None:
    """Upload new pictures, and two files that are rejected for different reasons."""
    files = [(path.name, path.read_bytes()) for path in sorted(QUERIES_DIR.glob("*.jpg"))[:3]]
    data = files[0][1]
    drop_files(page, [*files, ("truncated.jpg", data[: len(data) // 2]), ("notes.txt", b"Dear madam,")])
    page.locator(".upload-result .status[data-state=indexed]").nth(len(files) - 1).wait_for()


def take_screenshot(page: Page, name: str) -> None:
    """Save the page as shown on a desktop and a phone, in light and dark."""
    for device, size in SIZES.items():
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_load_state("networkidle")
            picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(PALETTE_COLOURS).save(SCREENSHOTS_DIR / f"{name}-{device}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
