"""An unreachable broker delays indexing and nothing else."""

import shutil

from tests.system.site import ADMINISTRATOR, Site, expect_consistent


def expect_accepted(site: Site, photo: bytes) -> None:
    response = site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": ("new.jpg", photo)})
    assert response.status == 200, response.text
    assert [(result["outcome"], result["image"]["status"]) for result in response.json] == [("added", "pending")]
    assert "Could not notify a worker" in site.log("web").read_text()
    assert "Traceback" not in site.log("web").read_text()


def test_an_upload_without_redis_is_accepted_and_indexed_once_redis_is_back(sqlite_site, own_redis, picture):
    sqlite_site.environment["REDIS_URL"] = own_redis.url()
    sqlite_site.web(processes=1)
    own_redis.stop()
    expect_accepted(sqlite_site, picture(1))
    own_redis.start()
    sqlite_site.worker()
    sqlite_site.wait_until_indexed(1)
    expect_consistent(sqlite_site, 1)


def test_a_worker_that_lost_redis_continues_when_redis_is_back(sqlite_site, own_redis, picture):
    sqlite_site.environment["REDIS_URL"] = own_redis.url()
    sqlite_site.web(processes=1)
    worker = sqlite_site.worker()
    own_redis.stop()
    expect_accepted(sqlite_site, picture(1))
    own_redis.start()
    # The message for this picture makes the worker index the other one too.
    sqlite_site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": ("next.jpg", picture(2))})
    sqlite_site.wait_until_indexed(2)
    assert worker.poll() is None


def test_an_upload_without_the_broker_folder_is_accepted_and_indexed_by_the_next_worker(sqlite_site, picture):
    broker = sqlite_site.home / "var" / "broker"
    sqlite_site.web(processes=1)
    shutil.rmtree(broker)
    broker.write_text("not a folder")
    expect_accepted(sqlite_site, picture(1))
    broker.unlink()
    sqlite_site.worker()
    sqlite_site.wait_until_indexed(1)
