"""Everything at once: searches, uploads, two workers and an importer."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

from tests.system.site import ADMINISTRATOR, Site, expect_whole
from tests.system.visitor import Answer


def search_until(done: Event, site: Site, photo: bytes) -> list[Answer]:
    """Searches by the page and by the API in turn, as long as the others are at work."""
    answers = []
    for turn in count():
        visitor = site.visitor()
        answers.append(visitor.search(photo) if turn % 2 else visitor.search_on_the_page(photo))
        if done.is_set():
            return answers
    raise AssertionError


def upload(site: Site, pictures: list[bytes]) -> list[Answer]:
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
            uploaded = [answer for one in uploads for answer in one.result()]
            assert importer.wait(120) == 0
            site.wait_until_indexed(110)
        finally:
            done.set()
        asked = [answer for one in searches for answer in one.result()]

    assert len(asked) >= 8
    assert {answer.status for answer in [*asked, *uploaded]} == {200}
    assert [one["outcome"] for answer in uploaded for one in answer.json] == ["added"] * 30
    assert "locked" not in site.logs() + "".join(answer.text for answer in [*asked, *uploaded])
    assert "Traceback" not in site.logs()
    expect_whole(site, 110)
