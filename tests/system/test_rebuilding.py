"""Rebuilding goes on beside the searches, and a rebuild that is killed harms nothing."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.system.servers import wait_until
from tests.system.site import Site

# The same weights with another input size: another feature space, which every process can speak.
IN_ANOTHER_SPACE = """
import os, signal, sys, time, django
django.setup()
from dataclasses import replace
from pathlib import Path
from catalog.features import extractors
from catalog.services import rebuilding
recipes = extractors.RECIPES
recipes["vgg16-compact"] = replace(recipes["vgg16-compact"], input_sizes=(96,))
def progress(phase, done, total):
    Path(sys.argv[2]).touch()
    if phase == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "wait":
        time.sleep(600)
rebuilding.reextract(progress=progress)
"""


def reextract(site: Site, until: str = ""):
    """A process that describes everything in another space, killed in phase `until`, or waiting when begun."""
    begun = site.home / "begun"
    return site.start("rebuild", ["-c", IN_ANOTHER_SPACE, until, begun], DJANGO_SETTINGS_MODULE="imagesearch.settings")


def space_of(site: Site) -> str:
    (key,) = site.rows(
        "SELECT key FROM catalog_featurespace WHERE id = "
        "(SELECT space_id FROM catalog_generation WHERE state = 'active')"
    )[0]
    return key


def search_until(done: Event, site: Site, photo: bytes) -> list[tuple[int, float, int]]:
    """Status, the first hit's score, and how many images were ranked, of one search after another."""
    answers = []
    while not done.is_set():
        answer = site.visitor().search(photo)
        body = answer.json
        answers.append((answer.status, round(body["hits"][0]["score"], 3), body["total"]))
    return answers


def test_searches_go_on_whole_while_the_index_is_rebuilt(site, folder, picture):
    for first in (0, 100, 200):
        site.manage("import_images", folder(40, first=first))
    site.web(processes=2)
    before, done = space_of(site), Event()
    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(search_until, done, site, picture(number)) for number in (3, 103, 203, 139)]
        try:
            assert site.manage("rebuild_index")["whitened"]
            assert site.manage("rebuild_index", "--bits", 64)["bits"] == 64
            assert reextract(site).wait(120) == 0, site.logs()
            assert site.manage("rebuild_index", "--rollback")["images"] == 120
            ask_a_worker_for_one(site)
        finally:
            done.set()
        answers = [answer for one in searches for answer in one.result()]
    assert space_of(site) == before
    assert len(answers) > 10
    assert set(answers) == {(200, 1.0, 120)}


def ask_a_worker_for_one(site: Site) -> None:
    """As the admin does; returns when it is done."""
    site.worker()
    asked = site.run(
        "shell",
        "-c",
        "from catalog.services import wanted_rebuilds\n"
        "from catalog.services.learning import USUAL\n"
        "wanted_rebuilds.ask(codes=USUAL, user=None)",
    )
    assert asked.returncode == 0, asked.stderr
    wait_until(lambda: site.rows("SELECT state FROM catalog_rebuild") == [("done",)], "the rebuild", 60)


REBUILT = """
import os, signal, sys, django
django.setup()
from catalog.services import rebuilding
def progress(phase, done, total):
    if phase == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
rebuilding.rebuild(progress=progress)
"""


@pytest.mark.parametrize("phase", ["learning", "measuring", "swapping in"])
def test_a_rebuild_killed_in_any_phase_leaves_one_whole_generation(plain_site, folder, picture, phase):
    for first in (0, 100):
        plain_site.manage("import_images", folder(60, first=first), "--no-wait")
        plain_site.run("shell", "-c", "from catalog.services.indexing import index_pending; index_pending()")
    plain_site.web(processes=1)
    settings = {"DJANGO_SETTINGS_MODULE": "imagesearch.settings"}
    killed = plain_site.start("rebuild", ["-c", REBUILT, phase], **settings)
    assert killed.wait(60) == -9, plain_site.logs()
    assert len(plain_site.rows("SELECT id FROM catalog_generation WHERE state = 'active'")) == 1
    found = plain_site.visitor().search(picture(107)).json
    assert (found["hits"][0]["image"]["source"], found["total"]) == ("picture-107.jpg", 120)

    assert plain_site.manage("rebuild_index")["segments"] == 1
    report = plain_site.manage("check_index")
    assert (report["ok"], report["indexed"], report["orphans"]) == (True, 120, 0)


@pytest.mark.parametrize("phase", ["describing", "merging"])
def test_a_rebuild_killed_in_the_middle_leaves_the_old_generation_serving(plain_site, folder, picture, phase):
    plain_site.manage("import_images", folder(70))
    plain_site.web(processes=1)
    before = space_of(plain_site)
    assert reextract(plain_site, until=phase).wait(120) == -9
    assert space_of(plain_site) == before
    assert plain_site.visitor().search(picture(7)).json["hits"][0]["score"] > 0.999

    assert reextract(plain_site).wait(120) == 0, plain_site.logs()
    assert space_of(plain_site) != before
    hits = plain_site.visitor().search(picture(7)).json["hits"]
    assert (hits[0]["image"]["source"], round(hits[0]["score"], 3)) == ("picture-7.jpg", 1.0)
    report = plain_site.manage("check_index")
    assert (report["ok"], report["indexed"], report["orphans"]) == (True, 70, 0)


def test_of_two_rebuilds_at_once_the_second_is_refused_with_a_sentence(plain_site, folder):
    plain_site.manage("import_images", folder(3))
    running = reextract(plain_site, until="wait")
    wait_until((plain_site.home / "begun").exists, "the rebuild")
    refused = plain_site.run("rebuild_index")
    assert refused.returncode != 0
    assert "The index is being rebuilt already." in refused.stderr
    assert "Traceback" not in refused.stderr

    plain_site.kill(running)
    assert plain_site.manage("rebuild_index")["images"] == 3
