"""Probes and metrics of a whole site: several web processes and celery beat."""

import http.client
import json
import os
from contextlib import closing

from prometheus_client.parser import text_string_to_metric_families

from tests.system.site import Site, wait_until

TOKEN = "a long token"


def read(site: Site, path: str, **headers: str) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().read()


def answered_searches(site: Site) -> float:
    text = read(site, "/metrics", Authorization=f"Bearer {TOKEN}").decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == "imagesearch_searches_total")


def beat_state(site: Site) -> str:
    return json.loads(read(site, "/readyz", Host="10.1.2.3"))["checks"]["beat"]["state"]


def test_metrics_count_the_searches_of_all_processes_and_survive_a_restart(sqlite_site, folder, picture):
    site = sqlite_site
    site.environment["IMAGESEARCH_METRICS_TOKEN"] = TOKEN
    assert site.run("import_images", folder(3)).returncode == 0
    web = site.web(processes=2)
    for number in range(8):
        assert site.visitor().search(picture(number)).status == 200
    assert {answered_searches(site) for _ in range(6)} == {8}
    site.stop(web)
    site.web(processes=2)
    assert site.visitor().search(picture(1)).status == 200
    assert answered_searches(site) == 9


def test_a_beat_that_runs_is_seen_by_the_web_processes_and_a_beat_that_has_stopped_too(sqlite_site):
    site = sqlite_site
    site.web(processes=1)
    assert beat_state(site) == "degraded"
    beat = site.start("beat", ["-m", "celery", "-A", "imagesearch", "beat", "--loglevel", "info"])
    wait_until(lambda: beat_state(site) == "ready", "a sign of beat", 60)
    site.stop(beat)
    sign = site.home / "var" / "beat-sign"
    os.utime(sign, (sign.stat().st_atime, sign.stat().st_mtime - 300))
    wait_until(lambda: beat_state(site) == "degraded", "a late sign of beat", 10)
