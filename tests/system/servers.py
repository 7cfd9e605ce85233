"""PostgreSQL and Redis, started on free ports in folders of their own, and stopped afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def needed(*programs: str) -> None:
    """Skip the test where one of `programs` is not installed; fail it where services are required."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{', '.join(missing)} not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def wait_until(holds: Callable[[], object], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.1)


class Postgres:
    """A running server. Its databases are made here; each site gets its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, name: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    needed("initdb", "postgres")
    # Not below tmp_path, which only its owner may enter: PostgreSQL refuses to run as root.
    home = Path(tempfile.mkdtemp(prefix="imagesearch-postgres-"))
    who: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    try:
        if who:
            shutil.chown(home, **who)
        data, server = home / "data", Postgres(free_port())
        initdb = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=home, **who)
        quick = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                ["postgres", "-D", str(data), "-p", str(server.port), "-k", str(home), *quick],
                stdout=log,
                stderr=log,
                cwd=home,
                **who,
            )
        try:
            wait_until(server.answers, "PostgreSQL")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # which throws its clients out, and does not wait for them
            process.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Restartable:
    """A server in a process of its own, which can be stopped and started again."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self._process: subprocess.Popen | None = None

    def launch(self, command: list[str], name: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log)
        wait_until(self.answers, name)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def answers(self) -> bool:
        raise NotImplementedError


class Redis(Restartable):
    def __init__(self, home: Path) -> None:
        needed("redis-server")
        super().__init__(home)
        self._databases = iter(range(1000))

    def url(self) -> str:
        """The address of a database that nobody else has."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def start(self) -> None:
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--databases", "1000"]
        self.launch(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", *quiet], "Redis")

    def answers(self) -> bool:
        try:
            return bool(redis.Redis(port=self.port, socket_timeout=2).ping())
        except redis.RedisError:
            return False
