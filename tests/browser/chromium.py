"""Debian's Chromium, and a watch on what goes wrong in it."""

import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, JSHandle, Page, Request, sync_playwright

EXECUTABLE = Path("/usr/bin/chromium")
QUIET = [
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
    """The browser, started; a skip where it is not installed, unless the services are required."""
    if not EXECUTABLE.exists() and os.environ.get("REQUIRE_SERVICES") != "1":
        pytest.skip(f"{EXECUTABLE} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(EXECUTABLE), args=QUIET)
        yield browser
        browser.close()


def watch(page: Page) -> list[str]:
    """A list that fills with every error of a script, console message, failed request and refusal of the server."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda message: faults.append(_said(message)) if message.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: faults.append(_failed(request)) if _failed(request) else None)
    page.on(
        "response", lambda answer: faults.append(f"{answer.status}: {answer.url}") if answer.status >= 400 else None
    )
    return faults


def _said(message: ConsoleMessage) -> str:
    return f"console: {message.text} ({message.location.get('url')})"


def _failed(request: Request) -> str:
    # Pictures that were still on their way when the page was left are aborted.
    return "" if request.failure == "net::ERR_ABORTED" else f"request: {request.url} {request.failure}"


def carry(page: Page, files: Sequence[File]) -> JSHandle:
    """A DataTransfer that holds these files, as a drag or the clipboard does."""
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


def drop(page: Page, files: Sequence[File]) -> None:
    """Drag files onto the page and let go."""
    transfer = carry(page, files)
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer, "bubbles": True, "cancelable": True})


def paste(page: Page, file: File) -> None:
    """Paste a picture, as Ctrl+V does."""
    carry(page, [file]).evaluate(
        "clipboardData => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))"
    )


def choose(page: Page, label: str, words: str) -> None:
    """Choose the entry of a list that begins with these words: behind them stands a count."""
    field = page.get_by_label(label, exact=True)
    field.select_option(field.locator("option", has_text=words).get_attribute("value"))


def sign_in(page: Page, address: str, account: tuple[str, str], then: str = "/") -> None:
    page.goto(f"{address}/accounts/login/?next={then}")
    page.get_by_label("Username").fill(account[0])
    page.get_by_label("Password").fill(account[1])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{address}{then}")
