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
        site.manage("import_images", folder(20, first=first))
    site.web(processes=2)
    before, done = space_of(site), Event()
    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(search_until, done, site, picture(number)) for number in (3, 103, 203)]
        try:
            assert site.manage("rebuild_index")["segments"] == 1
            assert reextract(site).wait(120) == 0, site.logs()
            assert site.manage("rebuild_index")["images"] == 60
        finally:
            done.set()
        answers = [answer for one in searches for answer in one.result()]
    assert space_of(site) != before
    assert len(answers) > 10
    assert set(answers) == {(200, 1.0, 60)}


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
