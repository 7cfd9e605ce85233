"""Clients that are slow, send too much or come in crowds do not keep others waiting."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.system.servers import wait_until
from tests.system.site import ADMINISTRATOR, Site, children

HALF_A_HEAD = b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: "
HALF_A_BODY = b"POST /search/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"
PROBE = "/healthz"
CONNECTIONS = 500


@contextmanager
def stalled(site: Site, sent: bytes, count: int = CONNECTIONS) -> Iterator[None]:
    """Keep connections open that have sent this and no more."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30)).sendall(sent)
        yield


def slowest_answer(site: Site, path: str = PROBE, count: int = 20) -> float:
    """The seconds that the slowest of several requests took."""
    slowest = 0.0
    for _ in range(count):
        started_at = time.perf_counter()
        assert site.visitor().get(path).status == 200
        slowest = max(slowest, time.perf_counter() - started_at)
    return slowest


@pytest.mark.parametrize("sent", [HALF_A_HEAD, HALF_A_BODY], ids=["half a head", "half a body"])
def test_five_hundred_stalled_clients_delay_nobody_by_a_second(sqlite_site, sent):
    sqlite_site.web(processes=2)
    slowest_answer(sqlite_site, count=6)  # the first requests load modules
    usual = slowest_answer(sqlite_site)  # on a busy machine
    with stalled(sqlite_site, sent):
        assert slowest_answer(sqlite_site) < 1 + usual
        assert slowest_answer(sqlite_site, "/accounts/login/", 4) < 5


def test_clients_that_read_slowly_delay_nobody(sqlite_site, folder, picture):
    pictures = folder(1)
    (pictures / "large.jpg").write_bytes(picture(9, size=(3000, 2000), quality=100))
    sqlite_site.manage("import_images", pictures)
    ((sha256,),) = sqlite_site.rows("SELECT sha256 FROM catalog_image WHERE source = 'large.jpg'")
    sqlite_site.web(processes=1)
    request = f"GET /media/originals/{sha256} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with stalled(sqlite_site, request, 20):
        time.sleep(1)
        assert slowest_answer(sqlite_site, count=5) < 2


def refusal(site: Site, head: str, cookies: str = "") -> bytes:
    """What the site answers to the headers of a large request, of which no byte of the body was sent yet."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as connection:
        connection.sendall(f"{head}\r\nHost: localhost\r\nExpect: 100-continue\r\n{cookies}\r\n".encode())
        answer = connection.recv(4096)
        if b"100 Continue" in answer:
            connection.sendall(b"x" * 64 * 1024)
            answer = connection.recv(4096)
        return answer


@pytest.mark.parametrize("path", ["/search/", "/api/search", "/upload/", "/api/images"])
@pytest.mark.parametrize("session", ["", "Cookie: sessionid=abcdefghijklmnopqrstuvwxyz012345\r\n"])
def test_a_body_that_is_too_large_is_refused_before_it_is_received(sqlite_site, path, session):
    sqlite_site.web(processes=1)
    answer = refusal(sqlite_site, f"POST {path} HTTP/1.1\r\nContent-Length: {300 * 2**20}", session)
    assert answer.startswith(b"HTTP/1.1 413"), answer


def test_a_client_that_sends_a_large_body_nevertheless_sees_the_answer(sqlite_site):
    sqlite_site.web(processes=1)
    connection = HTTPConnection("127.0.0.1", sqlite_site.port, timeout=30)
    connection.request("POST", "/api/search", body=bytes(100 * 2**20))
    assert connection.getresponse().status == 413

    connection = HTTPConnection("127.0.0.1", sqlite_site.port, timeout=30)
    connection.request("POST", "/search/", body=iter([bytes(2**20)] * 60), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_who_has_an_account_uploads_more_than_a_visitor_may_send(sqlite_site, picture):
    sqlite_site.environment["IMAGESEARCH_BASIC_AUTH"] = "true"
    sqlite_site.web(processes=1)
    files = [(f"{number}.png", picture(number, format="BMP", size=(1000, 900))) for number in range(4)]
    response = sqlite_site.visitor(ADMINISTRATOR).post("/api/images", {}, {"files": files})
    assert response.status == 200, response.text
    assert [result["outcome"] for result in response.json] == ["added"] * 4


def test_a_web_process_that_is_killed_is_replaced(sqlite_site):
    web = sqlite_site.web(processes=2)
    killed, other = children(web)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(set(children(web)) - {killed, other}) == 1, "a new process")
    assert slowest_answer(sqlite_site, count=4) < 10


def test_a_crowd_is_answered_or_asked_to_come_back_and_probes_are_not_delayed(sqlite_site, folder, picture):
    sqlite_site.manage("import_images", folder(5))
    sqlite_site.web(processes=1)
    head = b'--frontier\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n\r\n'
    form = head + picture(2) + b"\r\n--frontier--\r\n"

    def search(number: int) -> tuple[int, str | None, str]:
        """Search through the API, or for images that are similar on a page, in Chinese. Return how it was answered."""
        connection = HTTPConnection("127.0.0.1", sqlite_site.port, timeout=60)
        headers = {"Content-Type": "multipart/form-data; boundary=frontier", "Accept-Language": "zh-hans"}
        if number % 2:
            connection.request("POST", "/api/search", form, headers)
        else:
            connection.request("GET", "/images/1/similar/", headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Retry-After"], response.read().decode()

    assert [search(number)[0] for number in (0, 1)] == [200, 200]
    with ThreadPoolExecutor(40) as crowd:
        answers = [crowd.submit(search, number) for number in range(160)]
        assert slowest_answer(sqlite_site, count=10) < 5
    statuses = [answer.result()[0] for answer in answers]
    assert set(statuses) == {200, 503}
    refusals = [answer.result() for answer in answers if answer.result()[0] == 503]
    assert all(retry_after == "2" for _, retry_after, _ in refusals)
    pages = [body for _, _, body in refusals if not body.startswith("{")]
    assert pages
    assert all('lang="zh' in page and "网站正忙" in page for page in pages)
    assert all(list(json.loads(body)) == ["detail"] for _, _, body in refusals if body not in pages)


def test_the_server_stops_soon_although_clients_are_stalled(sqlite_site):
    web = sqlite_site.web(processes=1)
    with stalled(sqlite_site, HALF_A_BODY, 20):
        assert sqlite_site.stop(web) == 0
    assert not Path(f"/proc/{web.pid}").exists()
