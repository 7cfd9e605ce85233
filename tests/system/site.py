"""A site that runs as its real processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from django.conf import settings

from tests.system.http_client import HttpClient
from tests.system.servers import free_port, wait_until

ADMINISTRATOR = ("karl", "a long enough word")


def environment(home: Path, **changes: str) -> dict[str, str]:
    """The environment of a site's processes: without the settings of the program on this machine."""
    own_prefixes = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own_prefixes)}
    return kept | {
        "IMAGESEARCH_DATA_DIR": str(home),
        "IMAGESEARCH_EXTRACTOR": "efficientnet-lite2",
        "IMAGESEARCH_BASIC_AUTH": "true",
        "IMAGESEARCH_SEARCHES_PER_MINUTE": "0",  # all requests of a test come from one address
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


@dataclass
class Site:
    """A data folder, an environment, and the processes started with them."""

    home: Path
    environment: dict[str, str]
    port: int = 0
    started: list[subprocess.Popen] = field(default_factory=list)

    def run(self, *arguments: object, timeout: float = 300, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with these arguments and wait for it."""
        return subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=settings.BASE_DIR,
            env=self.environment | changes,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def manage(self, *arguments: object) -> dict:
        """Run `manage.py … --json`, which must succeed. Returns the JSON object in its last line."""
        completed = self.run(*arguments, "--json")
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout.splitlines()[-1])

    def start(self, name: str, command: Sequence[object], **changes: str) -> subprocess.Popen:
        """Start a Python process in the background. Its output goes to the log `name`."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=settings.BASE_DIR,
                env=self.environment | changes,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def command(self, *arguments: object, name: str = "command", **changes: str) -> subprocess.Popen:
        return self.start(name, ["manage.py", *arguments], **changes)

    def worker(self, name: str = "worker") -> subprocess.Popen:
        options = ["--loglevel", "info", "--without-gossip", "--without-mingle", "-n", f"{name}@%h"]
        return self.start(name, ["-m", "celery", "-A", "imagesearch", "worker", "--pool", "solo", *options])

    def web(self, processes: int = 2) -> subprocess.Popen:
        """Start the web server as the Procfile does, and return when it answers."""
        self.port = free_port()
        address = ["--bind", f"127.0.0.1:{self.port}", "--workers", processes, "--threads", 4]
        options = ["--worker-class", "imagesearch.web.worker.WebWorker", "--timeout", 120, "--no-control-socket"]
        web = self.start("web", ["-m", "gunicorn", "imagesearch.wsgi", *address, *options])
        wait_until(lambda: self.is_ready(web), "the site")
        wait_until(lambda: len(children(web)) == processes, "gunicorn's workers")
        return web

    def visitor(self, account: tuple[str, str] | None = None) -> HttpClient:
        return HttpClient(self.port, account)

    def rows(self, query: str) -> list[tuple]:
        """The rows of an SQL query, read without any code of the program."""
        if "DATABASE_URL" in self.environment:
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                return connection.execute(query).fetchall()
        import sqlite3

        with closing(sqlite3.connect(self.home / "var" / "db.sqlite3", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def count(self, condition: str = "1=1") -> int:
        """The number of images for which the SQL `condition` holds."""
        return self.rows(f"SELECT COUNT(*) FROM catalog_image WHERE {condition}")[0][0]  # noqa: S608

    def wait_until_indexed(self, number: int, seconds: float = 90) -> None:
        wait_until(lambda: self.count("status = 'indexed'") == number, f"{number} images indexed", seconds)

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.home.glob("*.log"))

    def kill(self, process: subprocess.Popen) -> None:
        process.kill()
        process.wait(30)

    def stop(self, process: subprocess.Popen) -> int:
        """Send SIGTERM and wait. Returns the exit status."""
        process.terminate()
        return process.wait(60)

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill(process)

    def is_ready(self, web: subprocess.Popen, name: str = "web") -> bool:
        assert web.poll() is None, self.log(name).read_text()
        try:
            return self.visitor().get("/api/health").status == 200
        except OSError:
            return False


def children(process: subprocess.Popen) -> list[int]:
    """The process ids of the children of `process`."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def expect_consistent(site: Site, images: int) -> None:
    """Assert that every image is indexed exactly once and that the files of the feature store match the database.

    A worker may still be merging segments after it has indexed the last image, so this waits until the state is right.
    """
    checked = {"images": images, "indexed": images, "pending": 0, "failed": 0}
    checked |= {"orphans": 0, "missing": 0, "corrupt": 0, "ok": True}
    expected = (checked, [(images, images)], [(images,)], True, 0)
    with suppress(AssertionError):
        wait_until(lambda: _state(site, checked) == expected, "a consistent feature store", seconds=30)
    assert _state(site, checked) == expected


def _state(site: Site, checked: Iterable[str]) -> tuple:
    """What `check_index` reports, the rows of descriptors and segments, whether files match rows, and open leases."""
    report = json.loads(site.run("check_index", "--json").stdout.splitlines()[-1])
    named = {name for (name,) in site.rows("SELECT name FROM catalog_segment")}
    store = site.home / "var" / "features"
    return (
        {name: report[name] for name in checked},
        site.rows("SELECT COUNT(*), COUNT(DISTINCT image_id) FROM catalog_descriptor"),
        site.rows("SELECT SUM(rows) FROM catalog_segment"),
        {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()} == named,
        site.count("lease_owner <> ''"),
    )
