"""A broker that is away delays the indexing and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.servers import Redis
from tests.system.site import ADMINISTRATOR, Site, expect_whole


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


def expect_accepted(site: Site, photo: bytes) -> None:
    answer = site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": ("new.jpg", photo)})
    assert answer.status == 200, answer.text
    assert [(one["outcome"], one["image"]["status"]) for one in answer.json] == [("added", "pending")]
    assert "No worker could be told of new work" in site.log("web").read_text()
    assert "Traceback" not in site.log("web").read_text()


def test_an_upload_without_redis_is_accepted_and_indexed_once_redis_is_back(plain_site, own_redis, picture):
    plain_site.environment["REDIS_URL"] = own_redis.url()
    plain_site.web(processes=1)
    own_redis.stop()
    expect_accepted(plain_site, picture(1))
    own_redis.start()
    plain_site.worker()
    plain_site.wait_until_indexed(1)
    expect_whole(plain_site, 1)


def test_a_worker_that_lost_redis_goes_on_when_it_is_back(plain_site, own_redis, picture):
    plain_site.environment["REDIS_URL"] = own_redis.url()
    plain_site.web(processes=1)
    worker = plain_site.worker()
    own_redis.stop()
    expect_accepted(plain_site, picture(1))
    own_redis.start()
    # The hint for this one brings the worker to the other as well.
    plain_site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": ("next.jpg", picture(2))})
    plain_site.wait_until_indexed(2)
    assert worker.poll() is None


def test_an_upload_without_the_broker_folder_is_accepted_and_indexed_by_the_next_worker(plain_site, picture):
    broker = plain_site.home / "var" / "broker"
    plain_site.web(processes=1)
    shutil.rmtree(broker)
    broker.write_text("no folder")
    expect_accepted(plain_site, picture(1))
    broker.unlink()
    plain_site.worker()
    plain_site.wait_until_indexed(1)
