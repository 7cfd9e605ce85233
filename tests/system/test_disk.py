"""A disk that refuses: commands end with a sentence, nothing accepted is lost, and all works again afterwards."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.site import ADMINISTRATOR, Site, environment, expect_whole


@pytest.fixture
def small_disk(tmp_path: Path, plain_model: Path) -> Iterator[Site]:
    """A site on a disk of a few megabytes."""
    home = tmp_path / "disk"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", home], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    shutil.copytree(plain_model, home, dirs_exist_ok=True)
    site = Site(home, environment(home))
    yield site
    site.close()
    subprocess.run(["umount", "-l", home], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all that is free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        try:
            while out.write(b"0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError


def expect_a_sentence(ended: subprocess.CompletedProcess) -> None:
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


def test_on_a_full_disk_commands_end_with_a_sentence_and_go_on_when_there_is_space(small_disk, folder, picture):
    small_disk.manage("import_images", folder(5))
    small_disk.manage("import_images", folder(5, first=10), "--no-wait")
    filler = fill(small_disk.home)
    importing = small_disk.run("import_images", folder(5, first=20))
    expect_a_sentence(importing)
    assert "Free some space" in importing.stderr
    rebuilding = small_disk.run("rebuild_index")
    expect_a_sentence(rebuilding)

    filler.unlink()
    assert small_disk.count() == 10
    small_disk.manage("import_images", folder(0, first=30))
    small_disk.run("check_index", "--repair")
    expect_whole(small_disk, 10)


def test_an_upload_to_a_full_disk_is_refused_with_a_sentence_and_taken_afterwards(small_disk, picture):
    small_disk.web(processes=1)
    account = small_disk.visitor(ADMINISTRATOR)
    filler = fill(small_disk.home)
    refused = account.post("/api/images", {}, {"files": ("new.jpg", picture(1))})
    assert refused.status == 507, refused.text
    assert "Free some space" in refused.json["detail"]

    filler.unlink()
    assert account.post("/api/images", {}, {"files": ("new.jpg", picture(1))}).status == 200
    assert small_disk.count("status = 'pending'") == 1


def run_without_power(site: Site, *arguments: object) -> subprocess.CompletedProcess:
    """`manage.py` as one whom permissions bind, which root they do not."""
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*bound, sys.executable, "manage.py", *map(str, arguments)],
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def read_only_site(plain_site: Site, folder) -> Iterator[Site]:
    """A site with five images in folders that nobody may write to."""
    plain_site.manage("import_images", folder(5, first=40))
    places = [plain_site.home, *(place for place in plain_site.home.rglob("*"))]
    modes = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    yield plain_site
    for place, mode in modes.items():
        place.chmod(mode)


@pytest.mark.parametrize(
    "command", [["import_images", "PICTURES"], ["rebuild_index"], ["check_index", "--repair"], ["prepare_site"]]
)
def test_without_the_right_to_write_commands_end_with_a_sentence(read_only_site, folder, command):
    pictures = folder(1)
    ended = run_without_power(read_only_site, *[pictures if one == "PICTURES" else one for one in command])
    expect_a_sentence(ended)


def test_without_the_right_to_write_the_check_says_so(read_only_site):
    ended = run_without_power(read_only_site, "check")
    expect_a_sentence(ended)
    assert "catalog.E002" in ended.stderr


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    ended = run_without_power(Site(closed, environment(closed / "data")), "check")
    expect_a_sentence(ended)
    assert str(closed) in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
