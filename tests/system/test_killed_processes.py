"""Killed at any moment, a process loses nothing that was committed; the rest is done later, once."""

import random
from contextlib import suppress
from subprocess import TimeoutExpired

from tests.system.site import expect_consistent


def test_worker_and_importer_killed_at_random_moments_index_every_image_once(site, folder):
    pictures, rng = folder(120), random.Random(2015)  # noqa: S311
    # One thread, so that indexing takes long enough to be killed in.
    site.environment["IMAGESEARCH_THREADS"] = "1"
    worker = site.worker()
    for _ in range(6):
        importer = site.command("import_images", pictures, name="importer")
        with suppress(TimeoutExpired):
            importer.wait(rng.uniform(0.7, 2.5))
        for process in (importer, worker):
            site.kill(process)
        worker = site.worker()

    site.stop(worker)
    completed = site.manage("import_images", pictures)
    assert completed["found"] == completed["added"] + completed["duplicates"] == 120
    site.run("check_index", "--repair")  # removes what the killed processes left behind
    expect_consistent(site, 120)


LEASE_ALL_AND_EXIT = """
import os, signal, django
django.setup()
from catalog.models import Image
from catalog.services.jobs import leases
with leases.lease_owner(Image) as owner:
    leases.lease(Image.objects.pending(), owner, 100)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_images_leased_by_a_killed_worker_are_indexed_by_the_next(site, folder):
    site.manage("import_images", folder(5), "--no-wait")
    site.start("killed", ["-c", LEASE_ALL_AND_EXIT], DJANGO_SETTINGS_MODULE="imagesearch.settings").wait(60)
    assert site.count("lease_owner <> ''") == 5

    site.worker()
    site.wait_until_indexed(5)
    expect_consistent(site, 5)
