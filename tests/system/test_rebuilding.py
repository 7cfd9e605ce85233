"""Searches work during a rebuild, and a killed rebuild does no harm."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.system.servers import wait_until
from tests.system.site import Site

DJANGO_SETTINGS = {"DJANGO_SETTINGS_MODULE": "imagesearch.settings"}
SEARCH_PAUSE = 0.1  # seconds: leaves the rebuild some CPU time

# The same weights with another input size: another feature space, for which every process has the network.
REEXTRACT_SCRIPT = """
import os, signal, sys, time, django
django.setup()
from dataclasses import replace
from pathlib import Path
from catalog.features.recipes import EXTRACTOR_CONFIGS as configs
from catalog.services.index import rebuilding
configs["efficientnet-lite2"] = replace(configs["efficientnet-lite2"], input_sizes=(96,))
def progress(phase, done, total):
    Path(sys.argv[2]).touch()
    if phase == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "wait":
        time.sleep(600)
rebuilding.reextract(progress=progress)
"""


def reextract(site: Site, until: str = ""):
    """Start a process that re-extracts all images. In phase `until` it kills itself; with "wait" it waits."""
    started_path = site.home / "started"
    return site.start("rebuild", ["-c", REEXTRACT_SCRIPT, until, started_path], **DJANGO_SETTINGS)


def active_space_key(site: Site) -> str:
    (key,) = site.rows(
        "SELECT key FROM catalog_featurespace WHERE id = "
        "(SELECT space_id FROM catalog_generation WHERE state = 'active')"
    )[0]
    return key


def search_until(done: Event, site: Site, photo: bytes) -> list[tuple[int, float, int]]:
    """Search until `done` is set. Returns each search's status, its first score, and how many images were ranked."""
    responses = []
    while not done.is_set():
        result = site.visitor().search(photo)
        body = result.json
        assert result.status == 200, body
        responses.append((result.status, round(body["hits"][0]["score"], 3), body["total"]))
        done.wait(SEARCH_PAUSE)
    return responses


def test_searches_stay_complete_during_rebuild(site, folder, picture):
    for first in (0, 100, 200):
        site.manage("import_images", folder(40, first=first))
    site.web(processes=2)
    before, done = active_space_key(site), Event()
    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(search_until, done, site, picture(number)) for number in (3, 103, 203, 139)]
        try:
            assert site.manage("rebuild_index")["projection"]["measured_by"] == "copies"
            assert site.manage("rebuild_index", "--bits", 64)["bits"] == 64
            assert reextract(site).wait(120) == 0, site.logs()
            assert site.manage("rebuild_index", "--rollback")["images"] == 120
            enqueue_rebuild(site)
        finally:
            done.set()
        responses = [result for search in searches for result in search.result()]
    assert active_space_key(site) == before
    assert len(responses) > 10
    assert set(responses) == {(200, 1.0, 120)}


def enqueue_rebuild(site: Site) -> None:
    """Enqueue a rebuild as the admin does, and wait until a worker has run it."""
    site.worker()
    completed = site.run(
        "shell",
        "-c",
        "from catalog.services.index import rebuild_queue\n"
        "from catalog.services.index.training.code_specs import DEFAULT_CODES\n"
        "rebuild_queue.enqueue(code_spec=DEFAULT_CODES, user=None)",
    )
    assert completed.returncode == 0, completed.stderr
    wait_until(lambda: site.rows("SELECT state FROM catalog_rebuild") == [("done",)], "the rebuild", 60)


REBUILD_SCRIPT = """
import os, signal, sys, django
django.setup()
from catalog.services.index import rebuilding
def progress(phase, done, total):
    if phase == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
rebuilding.rebuild(progress=progress)
"""


def test_a_rebuild_killed_in_any_phase_leaves_one_complete_generation(sqlite_site, folder, picture):
    for first in (0, 100):
        sqlite_site.manage("import_images", folder(60, first=first), "--no-wait")
        sqlite_site.run("shell", "-c", "from catalog.services.index.extraction import index_pending; index_pending()")
    sqlite_site.web(processes=1)
    for phase in ("training", "measuring", "activating"):
        killed = sqlite_site.start("rebuild", ["-c", REBUILD_SCRIPT, phase], **DJANGO_SETTINGS)
        assert killed.wait(120) == -9, sqlite_site.logs()
        assert len(sqlite_site.rows("SELECT id FROM catalog_generation WHERE state = 'active'")) == 1
        results = sqlite_site.visitor().search(picture(107)).json
        assert (results["hits"][0]["image"]["source"], results["total"]) == ("picture-107.jpg", 120)

    assert sqlite_site.manage("rebuild_index")["segments"] == 1
    report = sqlite_site.manage("check_index")
    assert (report["ok"], report["indexed"], report["orphans"]) == (True, 120, 0)


def test_a_reextraction_killed_in_any_phase_leaves_the_previous_generation_active(sqlite_site, folder, picture):
    sqlite_site.manage("import_images", folder(70))
    sqlite_site.web(processes=1)
    before = active_space_key(sqlite_site)
    for phase in ("extracting", "merging"):
        assert reextract(sqlite_site, until=phase).wait(120) == -9
        assert active_space_key(sqlite_site) == before
        assert sqlite_site.visitor().search(picture(7)).json["hits"][0]["score"] > 0.999

    assert reextract(sqlite_site).wait(120) == 0, sqlite_site.logs()
    assert active_space_key(sqlite_site) != before
    hits = sqlite_site.visitor().search(picture(7)).json["hits"]
    assert (hits[0]["image"]["source"], round(hits[0]["score"], 3)) == ("picture-7.jpg", 1.0)
    report = sqlite_site.manage("check_index")
    assert (report["ok"], report["indexed"], report["orphans"]) == (True, 70, 0)


def test_a_second_rebuild_at_the_same_time_is_rejected_with_a_message(sqlite_site, folder):
    sqlite_site.manage("import_images", folder(3))
    running = reextract(sqlite_site, until="wait")
    wait_until((sqlite_site.home / "started").exists, "the rebuild")
    rejected = sqlite_site.run("rebuild_index")
    assert rejected.returncode != 0
    assert "The index is already being rebuilt." in rejected.stderr
    assert "Traceback" not in rejected.stderr

    sqlite_site.kill(running)
    assert sqlite_site.manage("rebuild_index")["images"] == 3
