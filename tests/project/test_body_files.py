"""The temporary files of request bodies take a share of the free disk together; beyond it, the site is busy."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread

import pytest
from waitress import wasyncore
from waitress.server import create_server

from catalog.middleware.overload import IS_REFUSED
from imagesearch.web import body_files
from imagesearch.web.body_files import BODY_FILES
from imagesearch.web.channels import Channel
from imagesearch.web.request_queues import RequestQueues
from tests.system.servers import wait_until

MIB = 1024 * 1024
FREE_BYTES = 100 * MIB


def application(environ, start_response):
    """Answer as `OverloadMiddleware` does, or that the body has arrived."""
    is_refused = environ[IS_REFUSED]
    start_response("503 Service Unavailable" if is_refused else "200 OK", [("Content-Length", "0")])
    return []


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a web server on a disk that has 100 MiB left."""
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(
        body_files.shutil, "disk_usage", lambda path: usage._replace(free=FREE_BYTES - BODY_FILES.bytes)
    )
    connections: dict[int, wasyncore.dispatcher] = {}
    queues = RequestQueues(2)
    server = create_server(
        application, connections, _dispatcher=queues, host="127.0.0.1", port=0, inbuf_overflow=64 * 1024
    )
    server.channel_class = Channel
    Thread(target=wasyncore.loop, kwargs={"timeout": 0.2, "map": connections}, daemon=True).start()
    yield int(server.effective_port)
    server.close()
    for connection in list(connections.values()):
        connection.close()
    queues.shutdown()


def connect(port: int, size: int, path: str = "/search/", sent: int = 0, **headers: str) -> socket.socket:
    """Send the headers of a request, and the first bytes of its body."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {size}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + bytes(sent))
    return connection


def status(connection: socket.socket) -> bytes:
    return connection.recv(4096).partition(b"\r\n")[0]


def test_large_bodies_beyond_the_share_are_refused_before_they_are_received(port):
    with ExitStack() as stalled:
        for _ in range(3):
            stalled.enter_context(connect(port, 4 * MIB, sent=3 * MIB))
        wait_until(lambda: BODY_FILES.bytes == 9 * MIB, "nine megabytes on the disk")
        with connect(port, 2 * MIB, Expect="100-continue") as connection:
            assert status(connection) == b"HTTP/1.1 503 Service Unavailable"
        with connect(port, MIB // 2, sent=MIB // 2) as connection:
            assert status(connection) == b"HTTP/1.1 200 OK"
        with connect(port, 1000, sent=1000) as connection:
            assert status(connection) == b"HTTP/1.1 200 OK"
    wait_until(lambda: BODY_FILES.bytes == 0, "the files to be deleted", 20)
    with connect(port, 2 * MIB, sent=2 * MIB) as connection:
        assert status(connection) == b"HTTP/1.1 200 OK"
        wait_until(lambda: BODY_FILES.bytes == 0, "its file to be deleted", 20)


def test_bodies_that_were_let_in_together_stay_within_the_share(port):
    """Each of them fits when its headers arrive. Those who have sent too much still see the answer."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(port, 4 * MIB)) for _ in range(4)]
        for _ in range(8):
            for connection in connections:
                connection.sendall(bytes(MIB // 2))
            assert BODY_FILES.bytes <= FREE_BYTES * body_files.SHARE_FOR_ANYONE
        answers = [status(connection) for connection in connections]
    assert set(answers) == {b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"}
    wait_until(lambda: BODY_FILES.bytes == 0, "the files to be deleted", 20)


def test_a_body_without_a_length_is_counted_as_it_arrives(port):
    with ExitStack() as stalled:
        stalled.enter_context(connect(port, 10 * MIB, sent=9 * MIB))
        wait_until(lambda: BODY_FILES.bytes == 9 * MIB, "nine megabytes on the disk")
        connection = stalled.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        connection.sendall(b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"200000\r\n" + bytes(0x200000) + b"\r\n0\r\n\r\n")
        assert status(connection) == b"HTTP/1.1 503 Service Unavailable"
    wait_until(lambda: BODY_FILES.bytes == 0, "the files to be deleted", 20)
