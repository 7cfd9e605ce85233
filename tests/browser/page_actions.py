"""Chromium, the errors it reports, and what tests do on a page."""

import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, JSHandle, Page, Request, sync_playwright

CHROMIUM_PATH = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

File = tuple[str, bytes]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium. Skip the test if it is not installed, unless REQUIRE_SERVICES=1."""
    if not CHROMIUM_PATH.exists() and os.environ.get("REQUIRE_SERVICES") != "1":
        pytest.skip(f"{CHROMIUM_PATH} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM_PATH), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def collect_errors(page: Page) -> list[str]:
    """Return a list that is filled with script errors, console warnings, failed requests and HTTP errors."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"script: {error}"))
    page.on(
        "console",
        lambda message: errors.append(_console_message(message)) if message.type in ("error", "warning") else None,
    )
    page.on(
        "requestfailed", lambda request: errors.append(_failed_request(request)) if _failed_request(request) else None
    )
    page.on(
        "response", lambda answer: errors.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None
    )
    return errors


def _console_message(message: ConsoleMessage) -> str:
    return f"console: {message.text} ({message.location.get('url')})"


def _failed_request(request: Request) -> str:
    # Leaving a page aborts the pictures that are still loading.
    return "" if request.failure == "net::ERR_ABORTED" else f"request: {request.url} {request.failure}"


def create_data_transfer(page: Page, files: Sequence[File]) -> JSHandle:
    """Return a DataTransfer with these files, as a drag or a paste provides it."""
    return page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, data] of files) {
                const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
            }
            return transfer;
        }""",
        [(name, b64encode(data).decode()) for name, data in files],
    )


def drop_files(page: Page, files: Sequence[File]) -> None:
    """Drop files on the page, once its scripts are loaded."""
    page.wait_for_load_state("load")
    transfer = create_data_transfer(page, files)
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer, "bubbles": True, "cancelable": True})


def paste_file(page: Page, file: File) -> None:
    """Paste a picture, once the scripts of the page are loaded."""
    page.wait_for_load_state("load")
    create_data_transfer(page, [file]).evaluate(
        "clipboardData => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))"
    )


def choose_option(page: Page, label: str, text: str) -> None:
    """Choose the option with this text, before its count, in a list or in the field that type-ahead.js makes of it."""
    field = page.get_by_role("combobox", name=label, exact=True)
    if field.get_attribute("aria-autocomplete"):
        field.fill(text)
        page.locator(".combobox [role=option]", has_text=text).click()
        return
    field.select_option(field.locator("option", has_text=text).get_attribute("value"))


def sign_in(page: Page, demo_url: str, account: tuple[str, str], then: str = "/") -> None:
    page.goto(f"{demo_url}/accounts/login/?next={then}")
    page.get_by_label("Username").fill(account[0])
    page.get_by_label("Password").fill(account[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{demo_url}{then}")
