"""A backup of a site that runs, restored on another machine."""

import json
import signal

import pytest

from tests.system.servers import wait_until
from tests.system.site import Site, environment

PICTURES = 60  # fewer than a rebuild is for, so that scores stay the same while pictures are added


def create_empty_site(request, home, kind):
    """A site in an empty data folder, with an empty database."""
    changes = {}
    if kind == "postgresql":
        changes["DATABASE_URL"] = request.getfixturevalue("postgres").create("restored")
    home.mkdir()
    return Site(home, environment(home, **changes))


def hits(site, path):
    found = site.manage("search_by_photo", path, "--top", PICTURES)["hits"]
    return [(hit["id"], hit["sha256"], hit["score"]) for hit in found]


@pytest.mark.timeout(600)
def test_a_backup_taken_during_an_import_restores_to_the_same_hits(site, folder, tmp_path, request):
    """From each kind of database to the other one."""
    pictures = folder(PICTURES)
    running_import = site.command("import_images", pictures, IMAGESEARCH_BATCH_SIZE="4", name="import")
    wait_until(lambda: site.count("status = 'indexed'") >= 20, "the first images")
    running_import.send_signal(signal.SIGSTOP)  # until the backup begins, which takes seconds to start
    running_backup = site.command("backup", tmp_path / "backup.tar", "--json", name="backup")
    wait_until(lambda: any(tmp_path.glob(".*.tmp")), "the beginning of the backup")
    running_import.send_signal(signal.SIGCONT)
    assert (running_backup.wait(100), running_import.wait(200)) == (0, 0), site.logs()
    backup = json.loads(site.log("backup").read_text().splitlines()[-1])
    assert (backup["missing"], backup["damaged"]) == (0, 0)
    site.wait_until_indexed(PICTURES)

    kind = "sqlite" if "DATABASE_URL" in site.environment else "postgresql"
    restored = create_empty_site(request, tmp_path / "restored", kind)
    assert restored.manage("restore", tmp_path / "backup.tar")["images"] == backup["images"]
    report = restored.manage("check_index")
    assert (report["ok"], report["images"], report["orphans"]) == (True, backup["images"], 0)
    assert (report["indexed"], report["failed"]) == (backup["images"] - report["pending"], 0)
    assert 20 <= report["indexed"] < PICTURES, "the import was going on"

    query = pictures / "picture-3.jpg"
    found = hits(restored, query)
    ids = {pk for pk, _, _ in found}
    assert len(found) == report["indexed"]
    assert found == [hit for hit in hits(site, query) if hit[0] in ids]

    completed = restored.manage("import_images", pictures)
    assert (completed["added"], completed["duplicates"]) == (PICTURES - backup["images"], backup["images"])
    assert restored.manage("check_index")["indexed"] == PICTURES
