"""Full and read-only disks: commands end with a message, accepted images are kept, and all works again afterwards."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.site import ADMINISTRATOR, Site, environment, expect_consistent


@pytest.fixture
def small_disk(tmp_path: Path, sqlite_template: Path) -> Iterator[Site]:
    """A site on a disk of 12 MB."""
    home = tmp_path / "disk"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", home], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a file system")
    shutil.copytree(sqlite_template, home, dirs_exist_ok=True)
    site = Site(home, environment(home))
    yield site
    site.close()
    subprocess.run(["umount", "-l", home], check=True)


def fill_disk(disk: Path) -> Path:
    """Write a file that uses all free space, and return its path."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while out.write(b"0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError


def expect_error_message(ended: subprocess.CompletedProcess) -> None:
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


def test_on_a_full_disk_commands_end_with_a_message_and_work_again_when_there_is_space(small_disk, folder, picture):
    small_disk.manage("import_images", folder(5))
    small_disk.manage("import_images", folder(5, first=10), "--no-wait")
    filler = fill_disk(small_disk.home)
    importing = small_disk.run("import_images", folder(5, first=20))
    expect_error_message(importing)
    assert "Free disk space" in importing.stderr
    rebuilding = small_disk.run("rebuild_index")
    expect_error_message(rebuilding)

    filler.unlink()
    assert small_disk.count() == 10
    small_disk.manage("import_images", folder(0, first=30))
    small_disk.run("check_index", "--repair")
    expect_consistent(small_disk, 10)


def test_an_upload_to_a_full_disk_is_rejected_with_a_message_and_accepted_when_there_is_space(small_disk, picture):
    small_disk.web(processes=1)
    account = small_disk.visitor(ADMINISTRATOR)
    filler = fill_disk(small_disk.home)
    rejected = account.post("/api/images", {}, {"files": ("new.jpg", picture(1))})
    assert rejected.status == 507, rejected.text
    assert "Free disk space" in rejected.json["detail"]

    filler.unlink()
    assert account.post("/api/images", {}, {"files": ("new.jpg", picture(1))}).status == 200
    assert small_disk.count("status = 'pending'") == 1


def test_a_search_with_a_photo_is_refused_with_a_message_on_a_full_disk_and_all_others_go_on(
    small_disk, folder, picture
):
    small_disk.manage("import_images", folder(3))
    small_disk.web(processes=1)
    visitor = small_disk.visitor()
    with closing(sqlite3.connect(small_disk.home / "var" / "db.sqlite3")) as connection:
        # The first connection needs space, and the last one frees it.
        connection.execute("SELECT COUNT(*) FROM catalog_image").fetchone()
        filler = fill_disk(small_disk.home)
        refused = visitor.search_page(picture(1))
        assert refused.status == 507, refused.text
        assert "Query photos cannot be stored in queries" in refused.text
        assert visitor.search(picture(1)).status == 200
        assert visitor.get("/images/1/similar/").status == 200

    filler.unlink()
    assert visitor.search_page(picture(1)).status == 200


def run_unprivileged(site: Site, *arguments: object) -> subprocess.CompletedProcess:
    """Run `manage.py` without root's right to ignore file permissions."""
    without_capabilities = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*without_capabilities, sys.executable, "manage.py", *map(str, arguments)],
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def read_only_site(sqlite_site: Site, folder) -> Iterator[Site]:
    """A site with five images, all of whose files and folders are read-only."""
    sqlite_site.manage("import_images", folder(5, first=40))
    paths = [sqlite_site.home, *sqlite_site.home.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield sqlite_site
    for path, mode in modes.items():
        path.chmod(mode)


@pytest.mark.parametrize(
    "command", [["import_images", "PICTURES"], ["rebuild_index"], ["check_index", "--repair"], ["prepare_site"]]
)
def test_without_write_permission_commands_end_with_a_message(read_only_site, folder, command):
    pictures = folder(1)
    ended = run_unprivileged(read_only_site, *[pictures if word == "PICTURES" else word for word in command])
    expect_error_message(ended)


def test_without_write_permission_the_system_check_reports_it(read_only_site):
    ended = run_unprivileged(read_only_site, "check")
    expect_error_message(ended)
    assert "catalog.E002" in ended.stderr


def test_a_folder_that_cannot_be_created_is_reported_in_one_line(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    ended = run_unprivileged(Site(closed, environment(closed / "data")), "check")
    expect_error_message(ended)
    assert str(closed) in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
