"""From an empty folder to a running site, as `make run` does."""

import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from tests.system.servers import free_port, wait_until
from tests.system.site import Site, environment, expect_consistent


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Site]:
    """A site in a folder that does not exist yet."""
    with closing(Site(tmp_path / "new", environment(tmp_path / "new"))) as site:
        yield site


def test_an_empty_folder_becomes_a_site_with_a_demo_and_a_password_shown_once(new_site):
    site = new_site
    first = site.run("prepare_site")
    assert first.returncode == 0, first.stderr
    shown = re.search(r"admin +password: (\S+)", first.stdout)
    assert shown, first.stdout
    password = shown[1]
    images = site.count()
    assert 50 <= images <= 80
    expect_consistent(site, images)

    again = site.run("prepare_site")
    assert again.returncode == 0, again.stderr
    assert "admin   password:" not in again.stdout
    assert password not in again.stdout + again.stderr
    assert site.count() == images

    site.web(processes=1)
    assert site.visitor(("admin", password)).post("/api/images", {}, {"files": ("x.jpg", b"x")}).status == 200


def test_the_procfile_starts_a_site_that_indexes_uploads_and_stops_cleanly(sqlite_site, folder, tmp_path):
    installed = Path(sys.executable).parent
    programs = tmp_path / "app" / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("gunicorn", "celery"):
        (programs / name).symlink_to(installed / name)
    shutil.copy(settings.BASE_DIR / "Procfile", tmp_path / "app")
    sqlite_site.port = free_port()
    running = sqlite_site.start(
        "honcho",
        ["-m", "honcho", "-f", tmp_path / "app" / "Procfile", "-d", tmp_path / "app", "start"],
        HOST="127.0.0.1",
        PORT=str(sqlite_site.port),
        PYTHONPATH=str(settings.BASE_DIR),
    )
    wait_until(lambda: sqlite_site.is_ready(running, "honcho"), "the site")
    sqlite_site.manage("import_images", folder(3), "--no-wait")
    sqlite_site.wait_until_indexed(3)

    running.send_signal(signal.SIGINT)
    running.wait(60)
    wait_until(lambda: not still_running(sqlite_site.home), "the end of every process")
    assert "Traceback" not in sqlite_site.log("honcho").read_text()


def still_running(home: Path) -> list[str]:
    """The command lines of a site's processes, found by their environment."""
    variable = f"IMAGESEARCH_DATA_DIR={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
