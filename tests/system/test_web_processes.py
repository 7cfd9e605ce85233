"""Every web process finds what was committed and not what was deleted, without being told."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from tests.system.site import ADMINISTRATOR, Site, children
from tests.system.visitor import Answer

PAGES = ["/", "/images/", "/images/1/", "/images/1/similar/", "/upload/", "/accounts/login/", "/api/docs"]
PAGES += ["/admin/login/", "/api/images", "/api/health", "/api/openapi.json", "/nowhere/"]


@contextmanager
def only(pid: int, web: Popen) -> Iterator[None]:
    """One of gunicorn's processes alone answers meanwhile: the others stand still."""
    others = [other for other in children(web) if other != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def found_by_each(site: Site, web: Popen, photo: bytes) -> list[list[str]]:
    """The names that each web process finds for a photo, best first."""
    answers = []
    for pid in children(web):
        answer = found_by(pid, site, web, photo)
        assert answer.status == 200, answer.json
        answers.append([hit["image"]["source"] for hit in answer.json["hits"]])
    return answers


def found_by(pid: int, site: Site, web: Popen, photo: bytes) -> Answer:
    """What one web process answers."""
    for _ in range(5):
        with only(pid, web):
            answer = site.visitor().search(photo)
        if answer.status != 503:
            break
        time.sleep(1)  # another was stopped while it held a lock, as none is in life: it gets time to let go
    return answer


def test_a_new_image_is_found_by_every_web_process_and_a_deleted_one_by_none(site, folder, picture):
    site.manage("import_images", folder(5))
    web = site.web(processes=2)
    assert [names[0] for names in found_by_each(site, web, picture(2))] == ["picture-2.jpg"] * 2

    site.manage("import_images", folder(1, first=50))
    assert [names[0] for names in found_by_each(site, web, picture(50))] == ["picture-50.jpg"] * 2

    (new,) = site.rows("SELECT id FROM catalog_image WHERE source = 'picture-50.jpg'")[0]
    assert site.visitor(ADMINISTRATOR).delete(f"/api/images/{new}").status == 204
    for names in found_by_each(site, web, picture(50)):
        assert sorted(names) == [f"picture-{number}.jpg" for number in range(5)]


def test_no_web_process_has_tensorflow_loaded_after_serving_every_page(plain_site, folder, picture):
    plain_site.manage("import_images", folder(5))
    web = plain_site.web(processes=1)
    (pid,) = children(web)
    resident = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]
    assert int(resident) < 200_000, "kB before the first search"
    visitor = plain_site.visitor()
    for page in PAGES:
        assert visitor.get(page).status < 500, page
    assert "picture-3.jpg" in visitor.search_on_the_page(picture(3)).text
    assert visitor.search(picture(3)).status == 200
    account = plain_site.visitor(ADMINISTRATOR)
    assert account.post("/api/images", {}, {"files": ("new.jpg", picture(9))}).status == 200

    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "ncnn" in maps
    assert "tensorflow" not in maps
