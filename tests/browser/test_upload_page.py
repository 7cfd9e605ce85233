"""The upload page: folders, problems, and what is in view."""

import re
from zlib import crc32

import pytest
from playwright.sync_api import expect

from tests.browser.page_actions import sign_in
from tests.browser.test_accessibility import violations
from tests.system.site import ADMINISTRATOR

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 860}


@pytest.fixture
def folder(request, tmp_path, picture):
    """A folder with two folders of pictures that are new, one bad file, and one that is no picture."""
    first = crc32(request.node.name.encode())
    for name, count in (("Spring", 6), ("Autumn", 4)):
        (tmp_path / "Trip" / name).mkdir(parents=True)
        for number in range(count):
            data = picture(first + 10 * count + number, size=(640, 480))
            (tmp_path / "Trip" / name / f"{number}.jpg").write_bytes(data)
    (tmp_path / "Trip" / "Spring" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "Trip" / "Thumbs.db").write_bytes(b"a file of the system")
    return tmp_path / "Trip"


def drop_folder(page, path) -> None:
    """Drop a folder of this machine on the page, as the desktop does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for event in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": event, "x": 60, "y": 200, "data": data})


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP])
def test_dropped_folders_become_collections_and_problems_can_be_shown_alone(open_page, demo_url, folder, viewport):
    page = open_page(viewport=viewport)
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    page.wait_for_load_state("networkidle")
    drop_folder(page, folder)
    offer = page.locator("#folder-offer")
    expect(offer.locator("li")).to_have_text(["Autumn (4)", "Spring (7)"])
    expect(offer.locator(".help")).to_have_text("Files that are no pictures are left out: 1.")
    assert violations(page) == []
    page.get_by_role("button", name="Make collections and upload").click()
    expect(page.locator(".uploads-summary")).to_contain_text("11 of 11 files", timeout=30_000)
    expect(page.locator(".uploads-summary")).to_contain_text("Rejected: 1.")
    expect(page.locator(".upload-result-size").first).to_have_text(re.compile(r"^0\.\d+ MB$"))

    page.locator(".upload-result").last.scroll_into_view_if_needed()
    expect(page.locator(".uploads-summary")).to_be_in_viewport(ratio=1)
    page.get_by_label("Show problems only").check()
    expect(page.locator(".upload-result:visible")).to_have_count(1)
    expect(page.locator(".upload-result:visible")).to_contain_text("broken.png")
    assert violations(page) == []
    page.get_by_label("Show problems only").uncheck()
    expect(page.locator(".upload-result:visible")).to_have_count(11)
    page.locator(".upload-result-name").first.click()
    expect(page.locator(".properties")).to_contain_text("Autumn")


def test_a_chosen_folder_is_uploaded_without_collections(open_page, demo_url, folder):
    page = open_page()
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    page.wait_for_load_state("networkidle")
    page.get_by_label("Choose a folder").set_input_files(folder / "Autumn")
    expect(page.locator("#folder-offer li")).to_have_text(["Autumn (4)"])
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#folder-offer")).to_be_hidden()
    page.get_by_label("Choose a folder").set_input_files(folder / "Autumn")
    page.get_by_role("button", name="Upload without them").click()
    expect(page.locator(".uploads-summary")).to_contain_text("4 of 4 files")
    page.locator(".upload-result-name").first.click()
    expect(page.locator(".properties")).to_contain_text("JPEG")
    expect(page.locator(".properties")).not_to_contain_text("Autumn")


def test_problems_can_be_shown_alone_without_scripts(open_page, demo_url, picture):
    page = open_page(java_script_enabled=False)
    sign_in(page, demo_url, ADMINISTRATOR, then="/upload/")
    files = [("good.jpg", picture(720)), ("letter.jpg", b"Dear madam,")]
    page.get_by_label("Choose pictures").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".upload-result:visible")).to_have_count(2)
    page.get_by_label("Show problems only").check()
    expect(page.locator(".upload-result:visible")).to_have_count(1)
    expect(page.locator(".upload-result:visible")).to_contain_text("letter.jpg")
