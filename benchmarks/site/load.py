"""How a whole site answers under load: `python -m benchmarks.site.load FOLDER [--clients 60] [--seconds 60]`.

Starts the processes of the Procfile with an empty data folder, imports half of the pictures in FOLDER, and searches
with the others, on the page and over the API in turn, while copies of them are imported: first with four clients, then
with many. The last line is one JSON object: statuses, the 95th percentile of searches that were answered with 200, the
slowest probe of /healthz, and the highest memory of all processes together.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Event, Thread

from PIL import Image

FEW_CLIENTS = 4
MAX_PAUSE = 1.0  # seconds that a refused client waits at most, however long the site asks it to
BOUNDARY = "frontier"


class Client:
    """A browser with one connection and its cookies."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[HTTPResponse, bytes]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers |= {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            headers |= {"X-CSRFToken": self.cookies.get("csrftoken", "")}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response, response.read()

    def search_api(self, photo: bytes) -> HTTPResponse:
        return self.send("POST", "/api/search", form(photo))[0]

    def search_page(self, photo: bytes) -> HTTPResponse:
        """Search on the page, and fetch the results."""
        if "csrftoken" not in self.cookies:
            response, _ = self.send("GET", "/")
            if response.status != 200:
                return response
        response, _ = self.send("POST", "/search/", form(photo))
        if response.status != 302:
            return response
        return self.send("GET", response.headers["Location"])[0]


def form(photo: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()


def search_until(done: Event, port: int, photos: list[bytes], number: int) -> tuple[list[float], Counter[str]]:
    """Search until `done` is set. Returns the seconds of successful searches, and how often each answer came."""
    client, seconds, answers = Client(port), [], Counter[str]()
    for turn, photo in enumerate(cycle(photos[number % len(photos) :] + photos[: number % len(photos)])):
        if done.is_set():
            break
        started_at = time.perf_counter()
        try:
            response = client.search_page(photo) if (turn + number) % 2 else client.search_api(photo)
        except (OSError, HTTPException) as error:
            answers[type(error).__name__] += 1
            client = Client(port)
            continue
        if response.status == 200:
            seconds.append(time.perf_counter() - started_at)
        retry_after = response.headers["Retry-After"]
        answers[f"{response.status}{' with Retry-After' if retry_after else ''}"] += 1
        if retry_after:
            done.wait(min(float(retry_after), MAX_PAUSE))
    return seconds, answers


def measure(port: int, photos: list[bytes], clients: int, duration: float) -> dict[str, object]:
    done = Event()
    with ThreadPoolExecutor(clients) as threads:
        searches = [threads.submit(search_until, done, port, photos, number) for number in range(clients)]
        done.wait(duration)
        done.set()
        results = [search.result() for search in searches]
    seconds = [each for times, _ in results for each in times]
    return {
        "clients": clients,
        "answers": dict(sum((answers for _, answers in results), Counter())),
        "searches_per_second": round(len(seconds) / duration, 1),
        "p50_ms": round(quantiles(seconds, n=100)[49] * 1000),
        "p95_ms": round(quantiles(seconds, n=100)[94] * 1000),
    }


class Watch:
    """Probes the site five times a second, and adds up the memory of its processes."""

    def __init__(self, port: int, process_id: int) -> None:
        self.port, self.process_id = port, process_id
        self.slowest_probe = 0.0
        self.resident_bytes = self.proportional_bytes = 0

    def run(self, done: Event) -> None:
        while not done.wait(0.2):
            started_at = time.perf_counter()
            Client(self.port).send("GET", "/healthz")
            self.slowest_probe = max(self.slowest_probe, time.perf_counter() - started_at)
            resident, proportional = 0, 0
            for process_id in descendants(self.process_id):
                try:
                    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
                except OSError:  # it has ended
                    continue
                resident += _kilobytes("Rss", rollup)
                proportional += _kilobytes("Pss", rollup)
            self.resident_bytes = max(self.resident_bytes, resident * 1024)
            self.proportional_bytes = max(self.proportional_bytes, proportional * 1024)


def _kilobytes(name: str, rollup: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) if found else 0


def descendants(process_id: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def write_copies(paths: list[Path], folder: Path, count: int) -> None:
    """Write `count` pictures with other bytes than those of `paths`."""
    for number, path in zip(range(count), cycle(paths)):
        Image.open(path).convert("RGB").save(folder / f"{number}.jpg", quality=60 + number % 35, comment=str(number))


@contextmanager
def running_site(environment: dict[str, str], port: int) -> Iterator[int]:
    """Run the processes of the Procfile, and yield the process id of the one that started them."""
    honcho = [sys.executable, "-m", "honcho", "start", "--no-prefix"]
    process = subprocess.Popen(honcho, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: Client(port).send("GET", "/readyz")[0].status == 200)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except (OSError, HTTPException):
            pass
        time.sleep(0.5)
    raise SystemExit("The site did not get ready.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def run(paths: list[Path], clients: int, duration: float, folder: Path, *, throttled: bool) -> dict[str, object]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
    environment |= {"IMAGESEARCH_DATA_DIR": str(folder / "data"), "HOST": "127.0.0.1", "PORT": str(port)}
    environment |= {"IMAGESEARCH_EXTRACTOR": "efficientnet-lite2"}
    environment |= {} if throttled else {"IMAGESEARCH_SEARCHES_PER_MINUTE": "0"}
    manage = [sys.executable, "manage.py"]
    for name in ("known", "copies"):
        (folder / name).mkdir()
    for path in paths[::2]:
        shutil.copy(path, folder / "known" / f"{path.parent.name}-{path.name}")
    write_copies(paths, folder / "copies", int(duration * 40))
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, check=True)
    subprocess.run([*manage, "import_images", folder / "known"], env=environment, check=True)
    photos = [path.read_bytes() for path in paths[1:200:2]]
    with running_site(environment, port) as process_id:
        importer = subprocess.Popen([*manage, "import_images", folder / "copies", "--no-wait"], env=environment)
        watch, done = Watch(port, process_id), Event()
        watching = Thread(target=watch.run, args=[done])
        watching.start()
        few = measure(port, photos, FEW_CLIENTS, duration / 2)
        many = measure(port, photos, clients, duration)
        done.set()
        watching.join()
        importing = importer.poll() is None or _pending(port) > 0
        importer.terminate()
        importer.wait(60)
    return {
        "few": few,
        "many": many,
        "p95_ratio": round(float(str(many["p95_ms"])) / float(str(few["p95_ms"])), 2),
        "slowest_probe_ms": round(watch.slowest_probe * 1000),
        "resident_mb": round(watch.resident_bytes / 2**20),
        "proportional_mb": round(watch.proportional_bytes / 2**20),
        "was_importing_until_the_end": importing,
    }


def _pending(port: int) -> int:
    return int(json.loads(Client(port).send("GET", "/api/health")[1])["pending"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="pictures to import and to search with")
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--without-throttle", action="store_true", help="allow each client any number of searches")
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if len(paths) < 2:
        parser.error(f"{options.folder} contains no pictures.")
    with TemporaryDirectory() as folder:
        figures = run(paths, options.clients, options.seconds, Path(folder), throttled=not options.without_throttle)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
