"""Killed anywhere, nothing that was committed is lost, and what was not is done later, once."""

import random
from contextlib import suppress
from subprocess import TimeoutExpired

from tests.system.site import expect_whole


def test_worker_and_importer_killed_at_random_moments_index_every_image_once(site, folder):
    pictures, chance = folder(120), random.Random(2015)  # noqa: S311
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


CLAIM_ALL_AND_DIE = """
import os, signal, django
django.setup()
from catalog.models import Image
from catalog.services import claims
with claims.owner(Image) as owner:
    claims.claim(Image.objects.pending(), owner, 100)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_all_that_a_killed_worker_had_claimed_is_indexed_by_the_next_one(site, folder):
    site.manage("import_images", folder(5), "--no-wait")
    site.start("killed", ["-c", CLAIM_ALL_AND_DIE], DJANGO_SETTINGS_MODULE="imagesearch.settings").wait(60)
    assert site.count("claim <> ''") == 5

    site.worker()
    site.wait_until_indexed(5)
    expect_whole(site, 5)
