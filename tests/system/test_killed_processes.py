"""Killed anywhere, nothing that was committed is lost, and what was not is done later, once."""

import random
from contextlib import suppress
from subprocess import TimeoutExpired

from tests.system.servers import wait_until
from tests.system.site import expect_whole


def test_worker_and_importer_killed_at_random_moments_index_every_image_once(site, folder):
    pictures, chance = folder(120), random.Random(2015)
    # One thread, so that there is something left to be killed in.
    site.environment["IMAGESEARCH_THREADS"] = "1"
    worker = site.worker()
    for _ in range(6):
        importer = site.command("import_images", pictures, name="importer")
        with suppress(TimeoutExpired):
            importer.wait(chance.uniform(0.7, 2.5))
        for process in (importer, worker):
            site.kill(process)
        worker = site.worker()

    site.stop(worker)
    ended = site.manage("import_images", pictures)
    assert ended["found"] == ended["added"] + ended["duplicates"] == 120
    site.run("check_index", "--repair")  # sweeps what the killed ones left
    expect_whole(site, 120)


def test_images_of_a_killed_worker_are_indexed_by_the_next_one(site, folder):
    site.environment["IMAGESEARCH_THREADS"] = "1"
    site.manage("import_images", folder(80), "--no-wait")
    worker = site.worker()
    wait_until(lambda: site.count("claim <> ''"), "a claim")
    site.kill(worker)
    assert site.count("claim <> ''") > 0
    site.worker("next")
    site.wait_until_indexed(80)
    site.run("check_index", "--repair")
    expect_whole(site, 80)
