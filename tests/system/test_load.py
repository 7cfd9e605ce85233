"""Searches, uploads, two workers and an import at the same time."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

from tests.system.http_client import Response
from tests.system.site import ADMINISTRATOR, Site, expect_consistent

SEARCH_PAUSE = 0.1  # seconds: leaves the other processes some CPU time


def search_until(done: Event, site: Site, photo: bytes) -> list[Response]:
    """Search with the page and the API in turn until `done` is set."""
    responses = []
    for turn in count():
        visitor = site.visitor()
        responses.append(visitor.search(photo) if turn % 2 else visitor.search_page(photo))
        if done.wait(SEARCH_PAUSE):
            return responses
    raise AssertionError


def upload(site: Site, pictures: list[bytes]) -> list[Response]:
    account = site.visitor(ADMINISTRATOR)
    return [account.post("/api/images", {}, {"files": (f"{len(data)}.jpg", data)}) for data in pictures]


def test_a_site_under_load_answers_every_request_and_loses_nothing(site, folder, picture):
    site.manage("import_images", folder(20))
    site.web(processes=2)
    for name in ("one", "other"):
        site.worker(name)
    done = Event()
    with ThreadPoolExecutor(6) as threads:
        searches = [threads.submit(search_until, done, site, picture(number)) for number in range(4)]
        try:
            importer = site.command("import_images", folder(60, first=100))
            uploads = [
                threads.submit(upload, site, [picture(number) for number in range(start, start + 15)])
                for start in (200, 300)
            ]
            uploaded = [response for one in uploads for response in one.result()]
            assert importer.wait(120) == 0
            site.wait_until_indexed(110)
        finally:
            done.set()
        searched = [response for one in searches for response in one.result()]

    assert len(searched) >= 8
    assert {response.status for response in [*searched, *uploaded]} == {200}
    assert [result["outcome"] for response in uploaded for result in response.json] == ["added"] * 30
    assert "locked" not in site.logs() + "".join(response.text for response in [*searched, *uploaded])
    assert "Traceback" not in site.logs()
    expect_consistent(site, 110)
