"""A site of its own, run as the processes it is made of."""

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

from tests.system.servers import free_port, wait_until
from tests.system.visitor import Visitor

ADMINISTRATOR = ("karl", "a long enough word")


def environment(home: Path, **changes: str) -> dict[str, str]:
    """What a site's processes see: nothing of this machine's own settings of the program."""
    ours = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "IMAGESEARCH_DATA_DIR": str(home),
        "IMAGESEARCH_EXTRACTOR": "vgg16-compact",
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


@dataclass
class Site:
    """A data folder, an environment, and the processes that were started in it."""

    home: Path
    environment: dict[str, str]
    port: int = 0
    started: list[subprocess.Popen] = field(default_factory=list)

    def run(self, *arguments: object, timeout: float = 120, **changes: str) -> subprocess.CompletedProcess[str]:
        """`manage.py` with these arguments, to its end."""
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
        """`manage.py … --json`, which must succeed: the object of its last line."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    def start(self, name: str, command: Sequence[object], **changes: str) -> subprocess.Popen:
        """A process that goes on by itself, what it says going into a log."""
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
        plain = ["--loglevel", "info", "--without-gossip", "--without-mingle", "-n", f"{name}@%h"]
        return self.start(name, ["-m", "celery", "-A", "imagesearch", "worker", "--pool", "solo", *plain])

    def web(self, processes: int = 2) -> subprocess.Popen:
        """gunicorn, as the Procfile starts it; returns when it answers."""
        self.port = free_port()
        where = ["--bind", f"127.0.0.1:{self.port}", "--workers", processes, "--threads", 4]
        plain = ["--timeout", 120, "--no-control-socket"]
        web = self.start("web", ["-m", "gunicorn", "imagesearch.wsgi", *where, *plain])
        wait_until(lambda: self.answers(web), "the site")
        wait_until(lambda: len(children(web)) == processes, "gunicorn's workers")
        return web

    def visitor(self, account: tuple[str, str] | None = None) -> Visitor:
        return Visitor(self.port, account)

    def rows(self, query: str) -> list[tuple]:
        """What the database itself says, past all code of the program."""
        if "DATABASE_URL" in self.environment:
            with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
                return connection.execute(query).fetchall()
        import sqlite3

        with closing(sqlite3.connect(self.home / "var" / "db.sqlite3", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def count(self, condition: str = "1=1") -> int:
        """Images of which `condition` holds."""
        return self.rows(f"SELECT COUNT(*) FROM catalog_image WHERE {condition}")[0][0]  # noqa: S608

    def wait_until_indexed(self, number: int, seconds: float = 90) -> None:
        wait_until(lambda: self.count("status = 'indexed'") == number, f"{number} images indexed", seconds)

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self.home.glob("*.log"))

    def kill(self, process: subprocess.Popen) -> None:
        """SIGKILL: no last words."""
        process.kill()
        process.wait(30)

    def stop(self, process: subprocess.Popen) -> int:
        """SIGTERM, and wait for the end; the exit status."""
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

    def answers(self, web: subprocess.Popen, name: str = "web") -> bool:
        assert web.poll() is None, self.log(name).read_text()
        try:
            return self.visitor().get("/api/health").status == 200
        except OSError:
            return False


def children(process: subprocess.Popen) -> list[int]:
    """The ids of a process's children."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def expect_whole(site: Site, images: int) -> None:
    """Every image is indexed exactly once, and the store's files are what the rows say, and no others.

    A worker that has just described the last of them may be merging what it wrote: this is looked at until it holds.
    """
    checked = {"images": images, "indexed": images, "pending": 0, "failed": 0}
    checked |= {"orphans": 0, "missing": 0, "corrupt": 0, "ok": True}
    expected = (checked, [(images, images)], [(images,)], True, 0)
    with suppress(AssertionError):
        wait_until(lambda: _state(site, checked) == expected, "a whole store", seconds=30)
    assert _state(site, checked) == expected


def _state(site: Site, checked: Iterable[str]) -> tuple:
    """What `check_index` says, rows of descriptors and of segments, whether files and rows agree, and open claims."""
    report = json.loads(site.run("check_index", "--json").stdout.splitlines()[-1])
    named = {name for (name,) in site.rows("SELECT name FROM catalog_segment")}
    store = site.home / "var" / "features"
    return (
        {name: report[name] for name in checked},
        site.rows("SELECT COUNT(*), COUNT(DISTINCT image_id) FROM catalog_descriptor"),
        site.rows("SELECT SUM(rows) FROM catalog_segment"),
        {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()} == named,
        site.count("claim <> ''"),
    )
