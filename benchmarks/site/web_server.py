"""How a running site answers while clients stall, and how many requests it answers in a second.

Run: python -m benchmarks.site.web_server http://127.0.0.1:8000 [--photo FILE] [--stalled 500]. Prints one JSON object.
"""

import argparse
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

CLIENTS = 4
HALF_A_HEAD = b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: "
HALF_A_BODY = b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"


def slowest_probe_ms(address: tuple[str, int], path: str, *, stalled: int, sent: bytes, seconds: float) -> float | None:
    """Return the duration of the slowest of many probes, while `stalled` clients have sent half a request.

    None: a probe was not answered within ten seconds.
    """
    with ExitStack() as connections:
        for _ in range(stalled):
            connections.enter_context(socket.create_connection(address, timeout=30)).sendall(sent)
        slowest, end = 0.0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            started_at = time.perf_counter()
            try:
                request(address, "GET", path)
            except (OSError, HTTPException):
                return None
            slowest = max(slowest, time.perf_counter() - started_at)
    return round(slowest * 1000, 1)


def request(address: tuple[str, int], method: str, path: str, body: bytes | None = None) -> int:
    """Send one request on a connection of its own. Return the status."""
    connection = HTTPConnection(*address, timeout=10)
    try:
        headers = {"Content-Type": "multipart/form-data; boundary=frontier"} if body else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def requests_per_second(send: Callable[[], int], seconds: float) -> float:
    """Return how many requests `CLIENTS` clients get answered in a second."""
    end = time.perf_counter() + seconds

    def repeat(_client: int) -> int:
        answered = 0
        while time.perf_counter() < end:
            answered += send() == 200
        return answered

    with ThreadPoolExecutor(CLIENTS) as clients:
        return round(sum(clients.map(repeat, range(CLIENTS))) / seconds, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="address of the site")
    parser.add_argument("--page", default="/accounts/login/", help="the path of probes")
    parser.add_argument("--file", help="the path of a file to fetch, such as that of an original")
    parser.add_argument("--photo", type=Path, help="a photo to search with")
    parser.add_argument("--stalled", type=int, default=500, help="number of stalled clients")
    parser.add_argument("--seconds", type=float, default=8, help="duration of each measurement")
    options = parser.parse_args()
    parts = urlsplit(options.url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    measured: dict[str, float | None] = {
        "page_per_second": requests_per_second(lambda: request(address, "GET", options.page), options.seconds)
    }
    if options.file:
        measured["file_per_second"] = requests_per_second(
            lambda: request(address, "GET", options.file), options.seconds
        )
    if options.photo:
        head = b'--frontier\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
        body = head + options.photo.read_bytes() + b"\r\n--frontier--\r\n"
        measured["searches_per_second"] = requests_per_second(
            lambda: request(address, "POST", "/api/search", body), options.seconds
        )
    for name, sent in (("half_heads", HALF_A_HEAD), ("half_bodies", HALF_A_BODY)):
        measured[f"slowest_probe_ms_{name}"] = slowest_probe_ms(
            address, options.page, stalled=options.stalled, sent=sent, seconds=options.seconds
        )
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
