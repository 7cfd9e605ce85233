"""Without Redis nothing is cached, and all pages work."""

import os
import signal
import time

from tests.system.site import ADMINISTRATOR, Site


def expect_all_pages(site: Site, photo: bytes) -> None:
    """Browse, search on the pages and through the API, and use a crop, whose descriptor is cached."""
    visitor = site.visitor()
    started_at = time.monotonic()
    for path in ("/", "/images/", "/images/?q=picture", "/images/1/", "/images/1/similar/?crop=10,10,60,60"):
        assert visitor.get(path).status == 200, path
    assert visitor.search_page(photo).status == 200
    assert visitor.search(photo).status == 200
    assert time.monotonic() - started_at < 20


def expect_quick_upload(site: Site, photo: bytes) -> None:
    started_at = time.monotonic()
    response = site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": ("new.jpg", photo)})
    assert response.status == 200, response.text
    assert time.monotonic() - started_at < 10


def test_pages_and_uploads_work_while_redis_is_stopped_hangs_and_comes_back_empty(
    sqlite_site, own_redis, folder, picture
):
    sqlite_site.environment |= {"REDIS_URL": own_redis.url(), "IMAGESEARCH_BASIC_AUTH": "true"}
    sqlite_site.manage("import_images", folder(5))
    sqlite_site.web(processes=1)
    expect_all_pages(sqlite_site, picture(2))

    os.kill(own_redis._process.pid, signal.SIGSTOP)
    expect_all_pages(sqlite_site, picture(2))
    expect_quick_upload(sqlite_site, picture(20))
    os.kill(own_redis._process.pid, signal.SIGCONT)

    own_redis.stop()
    expect_all_pages(sqlite_site, picture(2))
    expect_quick_upload(sqlite_site, picture(21))
    own_redis.start()  # empty
    expect_all_pages(sqlite_site, picture(2))
    assert "Traceback" not in sqlite_site.log("web").read_text()
