"""Fetching VGG16's weights from where Keras publishes them."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from catalog.durability import whole_file
from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.weights import VGG16_FILE, VGG16_MD5, remedy

URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/" + VGG16_FILE
PIECE = 1 << 18

Progress = Callable[[int, int], None]


def fetch(
    folder: Path,
    *,
    timeout: float,
    deadline: float = 900,
    url: str = URL,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Download the weights (58 MB) into `folder`, verify them, and only then let them stand under their name.

    Args:
        timeout: seconds without an answer, or without another byte, after which it is given up.
        deadline: seconds after which it is given up even though bytes still come.
        progress: called with the bytes that came and the bytes that will, 0 where the server does not say.

    Raises:
        WeightsUnavailable: no connection, no answer in time, not there, or no room for it.
        WeightsDamaged: something else came than what Keras publishes.
    """
    place = folder / VGG16_FILE
    try:
        with whole_file(place) as draft:
            _download(url, draft, timeout, time.monotonic() + deadline, progress)
            _verify(draft, url)
    except (OSError, HTTPException) as fault:
        raise WeightsUnavailable(
            "VGG16's ImageNet weights could not be fetched from {url}: {fault}. {remedy}",
            url=url,
            fault=_reason(fault),
            remedy=remedy(None),
        ) from fault
    return place


def _download(url: str, draft: Path, timeout: float, end: float, progress: Progress) -> None:
    with urllib.request.urlopen(url, timeout=timeout) as answer, draft.open("wb") as out:  # noqa: S310
        total, done = int(answer.headers.get("Content-Length") or 0), 0
        # read1 returns with what has come; read would wait for a whole piece and let a slow server
        # pass the deadline.
        while piece := answer.read1(PIECE):
            if time.monotonic() > end:
                raise TimeoutError("it takes too long")
            out.write(piece)
            done += len(piece)
            progress(done, total)
    if done < total:
        raise ConnectionError(f"the connection broke off after {done} of {total} bytes")


def _reason(fault: Exception) -> str:
    """The fault in words: an HTTPError's own, which have its number, else those of what a URLError wraps."""
    if isinstance(fault, urllib.error.URLError) and not isinstance(fault, urllib.error.HTTPError):
        return str(fault.reason)
    return str(fault) or type(fault).__name__


def _verify(draft: Path, url: str) -> None:
    with draft.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != VGG16_MD5:
        raise WeightsDamaged(
            "What {url} sent is not the file of VGG16 weights that Keras publishes: its MD5 is {found} and should "
            "be {expected}. It was thrown away. {remedy}",
            url=url,
            found=found,
            expected=VGG16_MD5,
            remedy=remedy(None),
        )
