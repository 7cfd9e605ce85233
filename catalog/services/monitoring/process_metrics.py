"""Counters and times of this process, in files that every process can read.

Each process writes to its own files in `var/metrics`, through prometheus_client's memory maps; `read_all` adds them up.
A process takes the lowest number that no living process has, and goes on with the files of that number. So there are
as many files as there were processes at once, and no count goes back when a process is restarted.

Monitoring must not disturb what is monitored: where the files cannot be written, nothing is counted.
"""

import fcntl
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from catalog.exceptions import ImageSearchError

logger = logging.getLogger(__name__)

ANSWERED = "answered"
STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
# Reserved on the disk for each file: writing to a memory map on a full disk would end the process.
FILE_BYTES = 1 << 18


class ProcessMetrics:
    """The metrics of this process.

    Args:
        folder: of the files.

    Raises:
        OSError: the files cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file, number = _take_number(folder)
        for kind in ("counter", "histogram"):
            _reserve(folder / f"{kind}_{number}.db")
        # Where prometheus_client finds its folder, and the class that it stores values with.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        values.ValueClass = values.MultiProcessValue(lambda: number)
        registry = CollectorRegistry()
        prefix = "imagesearch_"
        self.searches = Counter(prefix + "searches", "Searches by result.", ["result"], registry=registry)
        self.rejected_pictures = Counter(
            prefix + "rejected_pictures", "Files that were not accepted as pictures.", ["reason"], registry=registry
        )
        self.cache_lookups = Counter(
            prefix + "cache_lookups", "Lookups in the cache.", ["content", "result"], registry=registry
        )
        self.stages = Histogram(
            prefix + "stage_seconds", "Time of each stage.", ["stage"], registry=registry, buckets=STAGE_BUCKETS
        )


def count_search(result: str) -> None:
    """Count a search: `ANSWERED`, or why there was no answer."""
    _record(lambda metrics: metrics.searches.labels(result).inc())


@contextmanager
def count_failed_search() -> Iterator[None]:
    """Count a search that the block does not answer, by the name of the exception."""
    try:
        yield
    except ImageSearchError as error:
        count_search(type(error).__name__)
        raise


def count_rejected_picture(reason: str) -> None:
    """Count a file that is not accepted, by the code of `PictureRejected`."""
    _record(lambda metrics: metrics.rejected_pictures.labels(reason).inc())


def count_cache_lookup(content: str, *, is_hit: bool) -> None:
    """Count a lookup in the cache."""
    _record(lambda metrics: metrics.cache_lookups.labels(content, "hit" if is_hit else "miss").inc())


@contextmanager
def time_stage(stage: str) -> Iterator[None]:
    """Time a stage of a search: decode, network, rank or render. Not if it fails."""
    started_at = time.perf_counter()
    yield
    seconds = time.perf_counter() - started_at
    _record(lambda metrics: metrics.stages.labels(stage).observe(seconds))


def read_all() -> list[Metric]:
    """Return the metrics of all processes, past and present, added up. Damaged files are left out."""
    files = [str(path) for path in _folder().glob("*.db") if _is_readable(path)]
    return list(MultiProcessCollector.merge(files))


def _folder() -> Path:
    return settings.VAR_DIR / "metrics"


def _record(record: Callable[[ProcessMetrics], None]) -> None:
    metrics = _process_metrics(_folder(), os.getpid())
    if metrics:
        record(metrics)


@lru_cache(maxsize=1)
def _process_metrics(folder: Path, process_id: int) -> ProcessMetrics | None:
    """Return the metrics of a process, which a forked process does not take over; None without files."""
    try:
        return ProcessMetrics(folder)
    except OSError as error:
        logger.warning("This process is not part of the metrics: %s", error)
        return None


def _take_number(folder: Path) -> tuple[int, int]:
    """Return the descriptor of a file that this process has locked, and its number."""
    for number in count():
        lock_file = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock_file, number
        except BlockingIOError:
            os.close(lock_file)
        except OSError:
            os.close(lock_file)
            raise
    raise AssertionError("count() has no end")


def _reserve(path: Path) -> None:
    """Create the file at its full size; start again if it is damaged."""
    if path.exists() and not _is_readable(path):
        path.unlink()
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, FILE_BYTES)


def _is_readable(path: Path) -> bool:
    """Whether a file is whole. It may not be after a power loss."""
    try:
        with path.open("rb") as file:
            used = int.from_bytes(file.read(4), sys.byteorder, signed=True)
        keys = [json.loads(key) for key, *_ in MmapedDict.read_all_values_from_file(str(path))]
    except Exception:  # any error of its parser
        return False
    return 0 <= used <= path.stat().st_size and all(isinstance(key, list) and len(key) == 4 for key in keys)
