"""Every web process finds new images and no deleted ones, without being notified."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from tests.system.http_client import Response
from tests.system.site import ADMINISTRATOR, Site, children

PAGES = ["/", "/images/", "/images/1/", "/images/1/similar/", "/upload/", "/accounts/login/", "/api/docs"]
PAGES += ["/admin/login/", "/api/images", "/api/health", "/api/openapi.json", "/nowhere/"]


@contextmanager
def send_to_process(pid: int, web: Popen) -> Iterator[None]:
    """Stop all of gunicorn's processes but `pid`, so that it answers every request."""
    others = [other for other in children(web) if other != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def results_by_process(site: Site, web: Popen, photo: bytes) -> list[list[str]]:
    """The sources of the hits that each web process finds for a photo, best first."""
    responses = []
    for pid in children(web):
        response = results_from_process(pid, site, web, photo)
        assert response.status == 200, response.json
        responses.append([hit["image"]["source"] for hit in response.json["hits"]])
    return responses


def results_from_process(pid: int, site: Site, web: Popen, photo: bytes) -> Response:
    """The response of one web process to a search."""
    for _ in range(5):
        with send_to_process(pid, web):
            response = site.visitor().search(photo)
        if response.status != 503:
            break
        time.sleep(1)  # a process was stopped while it held a lock: let it run until it releases the lock
    return response


def test_every_web_process_finds_a_new_image_and_none_finds_a_deleted_one(site, folder, picture):
    site.manage("import_images", folder(5))
    web = site.web(processes=2)
    assert [names[0] for names in results_by_process(site, web, picture(2))] == ["picture-2.jpg"] * 2

    site.manage("import_images", folder(1, first=50))
    assert [names[0] for names in results_by_process(site, web, picture(50))] == ["picture-50.jpg"] * 2

    (new,) = site.rows("SELECT id FROM catalog_image WHERE source = 'picture-50.jpg'")[0]
    assert site.visitor(ADMINISTRATOR).delete(f"/api/images/{new}").status == 204
    for names in results_by_process(site, web, picture(50)):
        assert sorted(names) == [f"picture-{number}.jpg" for number in range(5)]


def test_no_web_process_has_tensorflow_loaded_after_serving_every_page(sqlite_site, folder, picture):
    sqlite_site.manage("import_images", folder(5))
    web = sqlite_site.web(processes=1)
    (pid,) = children(web)
    resident = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]
    assert int(resident) < 200_000, "kB before the first search"
    visitor = sqlite_site.visitor()
    for page in PAGES:
        assert visitor.get(page).status < 500, page
    assert "picture-3.jpg" in visitor.search_page(picture(3)).text
    assert visitor.search(picture(3)).status == 200
    account = sqlite_site.visitor(ADMINISTRATOR)
    assert account.post("/api/images", {}, {"files": ("new.jpg", picture(9))}).status == 200

    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "openvino" in maps
    assert "/site-packages/tensorflow/" not in maps  # OpenVINO has a library with that word in its name
