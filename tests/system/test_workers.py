"""Several workers share the work."""

import signal

from tests.system.servers import wait_until
from tests.system.site import expect_whole

TELL_BOTH = "from catalog.tasks import index_pending; index_pending.delay(); index_pending.delay()"


def test_two_workers_index_no_image_twice_and_both_do_some_of_the_work(site, folder):
    site.environment["IMAGESEARCH_THREADS"] = "1"
    workers = [site.worker(name) for name in ("one", "other")]
    wait_until(lambda: site.logs().count("ready.") == 2, "both workers")
    for worker in workers:  # so that neither is done before the other has begun
        worker.send_signal(signal.SIGSTOP)
    site.manage("import_images", folder(250), "--no-wait")
    site.run("shell", "-c", TELL_BOTH)
    for worker in workers:
        worker.send_signal(signal.SIGCONT)

    owners: set[str] = set()

    def all_indexed() -> bool:
        owners.update(name for (name,) in site.rows("SELECT DISTINCT claim FROM catalog_image WHERE claim <> ''"))
        return site.count("status = 'indexed'") == 250

    wait_until(all_indexed, "all images indexed")
    assert len(owners) >= 2
    expect_whole(site, 250)
