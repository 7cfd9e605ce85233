"""Several workers share the images to index."""

import re
import signal

import pytest

from tests.system.conftest import POSTGRESQL
from tests.system.servers import wait_until
from tests.system.site import Site, expect_consistent

NOTIFY_BOTH = "from catalog.tasks import index_pending; index_pending.delay(); index_pending.delay()"


def test_two_workers_index_no_image_twice_and_both_do_some_of_the_work(site, folder):
    site.environment["IMAGESEARCH_THREADS"] = "1"
    workers = [site.worker(name) for name in ("one", "other")]
    wait_until(lambda: site.logs().count("ready.") == 2, "both workers")
    for worker in workers:  # so that neither has finished before the other starts
        worker.send_signal(signal.SIGSTOP)
    site.manage("import_images", folder(120), "--no-wait")
    site.run("shell", "-c", NOTIFY_BOTH)
    for worker in workers:
        worker.send_signal(signal.SIGCONT)

    owners: set[str] = set()

    def all_indexed() -> bool:
        owners.update(
            name for (name,) in site.rows("SELECT DISTINCT lease_owner FROM catalog_image WHERE lease_owner <> ''")
        )
        return site.count("status = 'indexed'") == 120

    wait_until(all_indexed, "all images indexed")
    assert len(owners) >= 2
    expect_consistent(site, 120)


@pytest.mark.parametrize("site", [POSTGRESQL], indirect=True)  # on SQLite: tests/services/index/test_maintain.py
def test_growing_catalogue_retrains_in_every_web_process(site, folder, picture):
    site.manage("import_images", folder(5))
    site.web(processes=2)
    before = site.visitor().search(picture(2), top=5).json["hits"]
    assert len(before) == 5

    site.worker()
    site.manage("import_images", folder(125, first=5), "--no-wait")
    wait_until(lambda: training_image_count(site) >= 100, "a rebuild", 120)
    for _ in range(6):  # so that both processes answer
        hits = site.visitor().search(picture(2), top=100).json["hits"]
        assert hits[0]["image"]["source"] == "picture-2.jpg"
        assert hits[0]["score"] >= 0.999
        assert len(hits) == 100
    expect_consistent(site, 130)


def training_image_count(site: Site) -> int:
    """The number of images that the active generation was trained on."""
    return site.rows("SELECT training_image_count FROM catalog_generation WHERE state = 'active'")[0][0]


NOTIFY_SCRIPT = """
import django
django.setup()
from catalog.services.accounts.actor import Actor, acting_as
from catalog.services.jobs import dispatch
with acting_as(Actor("page", request_id="request-7")):
    dispatch.notify_pending_images()
"""


def test_the_log_of_a_task_names_the_request_that_caused_it(sqlite_site):
    sqlite_site.worker()
    sqlite_site.start("request", ["-c", NOTIFY_SCRIPT], DJANGO_SETTINGS_MODULE="imagesearch.settings")
    log = sqlite_site.log("worker")
    wait_until(lambda: re.search(r"INFO \[request-7 - -\] .*index_pending\[.*succeeded", log.read_text()), "the task")
