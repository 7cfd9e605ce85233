import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import download
from catalog.features.download import fetch
from catalog.features.weights import VGG16_FILE

CONTENT = bytes(range(256)) * 4096  # 1 MB
TRICKLE = 100  # bytes, over five seconds
CONTENT_MD5 = "c35cc7d8d91728a0cb052831bc4ef372"


@pytest.fixture(autouse=True)
def content_is_published(monkeypatch):
    monkeypatch.setattr(download, "VGG16_MD5", CONTENT_MD5)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


@contextmanager
def server(answer):
    """An HTTP server that gives each request to `answer(handler, stop)`; yields its URL."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self, stop)

        def log_message(self, *args):
            pass

        def handle(self):
            with suppress(ConnectionError):  # who asked may have gone
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/weights.h5"
        finally:
            stop.set()
            http.shutdown()
            thread.join()


def head(handler, length):
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def whole(handler, stop):
    head(handler, len(CONTENT))
    handler.wfile.write(CONTENT)


def without_length(handler, stop):
    head(handler, None)
    handler.wfile.write(CONTENT)


def wrong(handler, stop):
    head(handler, len(CONTENT))
    handler.wfile.write(CONTENT[::-1])


def cut_off(handler, stop):
    head(handler, len(CONTENT))
    handler.wfile.write(CONTENT[:1000])


def missing(handler, stop):
    handler.send_error(404)


def silent(handler, stop):
    stop.wait(30)


def stalling(handler, stop):
    head(handler, len(CONTENT))
    handler.wfile.write(CONTENT[:1000])
    stop.wait(30)


def trickling(handler, stop):
    head(handler, len(CONTENT))
    for _ in range(TRICKLE):
        if stop.wait(0.05):
            return
        handler.wfile.write(b"x")


def no_http(handler, stop):
    handler.wfile.write(b"220 ready\r\n")


@pytest.mark.parametrize("answer", [whole, without_length])
def test_the_file_is_put_into_the_folder_and_nothing_beside_it(tmp_path, answer):
    with server(answer) as url:
        path = fetch(tmp_path / "models", timeout=5, url=url)

    assert path == tmp_path / "models" / VGG16_FILE
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_progress_is_told_up_to_the_end(tmp_path):
    told = []
    with server(whole) as url:
        fetch(tmp_path, timeout=5, url=url, progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (missing, "404"),
        (cut_off, "1000 of 1048576 bytes"),
        (silent, "timed out"),
        (stalling, "timed out"),
        (no_http, "220 ready"),
    ],
)
def test_a_download_that_fails_says_why_and_what_to_do_and_leaves_nothing(folder, answer, reason):
    with server(answer) as url, pytest.raises(WeightsUnavailable) as raised:
        fetch(folder, timeout=0.5, deadline=1, url=url)

    said = str(raised.value)
    assert reason in said
    assert url in said
    assert "IMAGESEARCH_VGG16_WEIGHTS" in said
    assert "vgg16-compact" in said
    assert list(folder.iterdir()) == []


def test_other_bytes_than_the_published_are_thrown_away(folder):
    with server(wrong) as url, pytest.raises(WeightsDamaged, match=CONTENT_MD5):
        fetch(folder, timeout=5, url=url)

    assert list(folder.iterdir()) == []


def test_a_server_that_refuses_is_unavailable(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

        with pytest.raises(WeightsUnavailable, match="refused"):
            fetch(tmp_path, timeout=5, url=url)


def test_a_trickle_is_given_up_at_the_deadline_and_not_when_it_ends(folder):
    ended = threading.Event()

    def answer(handler, stop):
        trickling(handler, stop)
        if not stop.is_set():
            ended.set()

    with server(answer) as url, pytest.raises(WeightsUnavailable, match="takes too long"):
        fetch(folder, timeout=5, deadline=0.3, url=url)

    assert not ended.is_set()


def test_a_damaged_file_stays_until_a_good_one_has_come(tmp_path):
    place = tmp_path / VGG16_FILE
    place.write_bytes(b"damaged")
    with server(missing) as url, pytest.raises(WeightsUnavailable):
        fetch(tmp_path, timeout=5, url=url)
    assert place.read_bytes() == b"damaged"

    with server(whole) as url:
        fetch(tmp_path, timeout=5, url=url)
    assert place.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_a_failure_like_another(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with server(whole) as url, pytest.raises(WeightsUnavailable, match="file"):
        fetch(tmp_path / "file", timeout=5, url=url)
