"""Several workers share the work."""

import signal

from tests.system.servers import wait_until
from tests.system.site import Site, expect_whole

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


def test_a_catalogue_that_grows_learns_by_itself_and_every_web_process_goes_by_it(site, folder, picture):
    site.manage("import_images", folder(5))
    site.web(processes=2)
    before = site.visitor().search(picture(2), top=5).json["hits"]
    assert before[-1]["score"] > 0.05  # plain cosines

    site.worker()
    site.manage("import_images", folder(125, first=5), "--no-wait")
    wait_until(lambda: learned(site) >= 100, "a whitening", 120)
    for _ in range(6):  # whichever process answers
        hits = site.visitor().search(picture(2), top=100).json["hits"]
        assert hits[0]["image"]["source"] == "picture-2.jpg"
        assert hits[0]["score"] >= 0.999
        assert hits[-1]["score"] < 0  # whitened
    expect_whole(site, 130)


def learned(site: Site) -> int:
    """How many images the serving generation learned from."""
    return site.rows("SELECT learned_from FROM catalog_generation WHERE state = 'active'")[0][0]
