"""PostgreSQL and Redis servers for the tests, on free ports and in temporary folders."""

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

import psycopg
import pytest
import redis


def free_port() -> int:
    """A TCP port on 127.0.0.1 that no program listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require_programs(*programs: str) -> None:
    """Skip the test where one of `programs` is not installed; fail it where services are required."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{', '.join(missing)} not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def wait_until(condition: Callable[[], object], description: str, seconds: float = 90) -> None:
    """Return once `condition` holds. Fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"timed out after {seconds:.0f} s waiting for {description}"
        time.sleep(0.1)


class Postgres:
    """A running PostgreSQL server. Each site gets a database of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, name: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        """Create a database as a copy of `template` and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    require_programs("initdb", "postgres")
    # PostgreSQL refuses to run as root, and its own user may not enter tmp_path.
    home = Path(tempfile.mkdtemp(prefix="imagesearch-postgres-"))
    user: dict[str, str] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    try:
        if user:
            shutil.chown(home, **user)
        data, server = home / "data", Postgres(free_port())
        initdb = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=home, **user)
        settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]  # nothing has to survive a crash
        settings += ["listen_addresses=127.0.0.1", "max_connections=200"]
        options = [word for setting in settings for word in ("-c", setting)]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                ["postgres", "-D", str(data), "-p", str(server.port), "-k", str(home), *options],
                stdout=log,
                stderr=log,
                cwd=home,
                **user,
            )
        try:
            wait_until(server.is_ready, "PostgreSQL")
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: disconnects the clients
            process.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


class RestartableServer:
    """A server process that a test can stop and start again, on the same port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self._process: subprocess.Popen | None = None

    def launch(self, command: list[str], name: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log)
        wait_until(self.is_ready, name)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def is_ready(self) -> bool:
        raise NotImplementedError


class Redis(RestartableServer):
    """A Redis server without persistence. Each site gets a database of its own."""

    def __init__(self, home: Path) -> None:
        require_programs("redis-server")
        super().__init__(home)
        self._databases = iter(range(1000))

    def url(self) -> str:
        """The URL of a database that no other site uses."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def start(self) -> None:
        options = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--databases", "1000"]
        self.launch(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", *options], "Redis")

    def is_ready(self) -> bool:
        try:
            return bool(redis.Redis(port=self.port, socket_timeout=2).ping())
        except redis.RedisError:
            return False
