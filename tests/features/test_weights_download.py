import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features import weights_download
from catalog.features.weights import VGG16_FILE
from catalog.features.weights_download import download_weights

CONTENT = bytes(range(256)) * 4096  # 1 MB
TRICKLE_BYTES = 100  # sent over five seconds
CONTENT_MD5 = "c35cc7d8d91728a0cb052831bc4ef372"


@pytest.fixture(autouse=True)
def publish_content(monkeypatch):
    monkeypatch.setattr(weights_download, "VGG16_MD5", CONTENT_MD5)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


@contextmanager
def serve(response):
    """Start an HTTP server that answers requests with `response(handler, stop)`. Yields its URL."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            response(self, stop)

        def log_message(self, *args):
            pass

        def handle(self):
            with suppress(ConnectionError):  # the client may have disconnected
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


def send_headers(handler, length):
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def send_whole_file(handler, stop):
    send_headers(handler, len(CONTENT))
    handler.wfile.write(CONTENT)


def send_without_length(handler, stop):
    send_headers(handler, None)
    handler.wfile.write(CONTENT)


def send_wrong_content(handler, stop):
    send_headers(handler, len(CONTENT))
    handler.wfile.write(CONTENT[::-1])


def send_truncated(handler, stop):
    send_headers(handler, len(CONTENT))
    handler.wfile.write(CONTENT[:1000])


def send_not_found(handler, stop):
    handler.send_error(404)


def send_nothing(handler, stop):
    stop.wait(30)


def stall(handler, stop):
    send_headers(handler, len(CONTENT))
    handler.wfile.write(CONTENT[:1000])
    stop.wait(30)


def trickle(handler, stop):
    send_headers(handler, len(CONTENT))
    for _ in range(TRICKLE_BYTES):
        if stop.wait(0.05):
            return
        handler.wfile.write(b"x")


def send_invalid_http(handler, stop):
    handler.wfile.write(b"220 ready\r\n")


@pytest.mark.parametrize("answer", [send_whole_file, send_without_length])
def test_the_file_is_saved_in_the_folder_and_nothing_else(tmp_path, answer):
    with serve(answer) as url:
        path = download_weights(tmp_path / "models", timeout=5, url=url)

    assert path == tmp_path / "models" / VGG16_FILE
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_progress_is_reported(tmp_path):
    progress_calls = []
    with serve(send_whole_file) as url:
        download_weights(
            tmp_path, timeout=5, url=url, progress=lambda done, total: progress_calls.append((done, total))
        )

    assert progress_calls[-1] == (len(CONTENT), len(CONTENT))
    assert progress_calls == sorted(progress_calls)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (send_not_found, "404"),
        (send_truncated, "1000 of 1048576 bytes"),
        (send_nothing, "timed out"),
        (stall, "timed out"),
        (send_invalid_http, "220 ready"),
    ],
)
def test_a_failed_download_is_reported_with_reason_and_advice_and_leaves_no_file(folder, answer, reason):
    with serve(answer) as url, pytest.raises(WeightsUnavailable) as excinfo:
        download_weights(folder, timeout=0.5, total_timeout=1, url=url)

    message = str(excinfo.value)
    assert reason in message
    assert url in message
    assert "IMAGESEARCH_VGG16_WEIGHTS" in message
    assert "efficientnet-lite2" in message
    assert list(folder.iterdir()) == []


def test_content_with_wrong_digest_is_deleted(folder):
    with serve(send_wrong_content) as url, pytest.raises(WeightsDamaged, match=CONTENT_MD5):
        download_weights(folder, timeout=5, url=url)

    assert list(folder.iterdir()) == []


def test_a_refused_connection_is_reported(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

        with pytest.raises(WeightsUnavailable, match="refused"):
            download_weights(tmp_path, timeout=5, url=url)


def test_a_slow_download_stops_at_the_deadline(folder):
    ended = threading.Event()

    def answer(handler, stop):
        trickle(handler, stop)
        if not stop.is_set():
            ended.set()

    with serve(answer) as url, pytest.raises(WeightsUnavailable, match="took too long"):
        download_weights(folder, timeout=5, total_timeout=0.3, url=url)

    assert not ended.is_set()


def test_a_damaged_file_is_kept_until_it_can_be_replaced(tmp_path):
    path = tmp_path / VGG16_FILE
    path.write_bytes(b"damaged")
    with serve(send_not_found) as url, pytest.raises(WeightsUnavailable):
        download_weights(tmp_path, timeout=5, url=url)
    assert path.read_bytes() == b"damaged"

    with serve(send_whole_file) as url:
        download_weights(tmp_path, timeout=5, url=url)
    assert path.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with serve(send_whole_file) as url, pytest.raises(WeightsUnavailable, match="file"):
        download_weights(tmp_path / "file", timeout=5, url=url)
