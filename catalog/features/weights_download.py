"""Download of the VGG16 weights that Keras publishes."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from catalog.atomic_write import atomic_write
from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.weights import VGG16_FILE, VGG16_MD5, missing_weights_hint

WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/" + VGG16_FILE
CHUNK_BYTES = 1 << 18

ProgressCallback = Callable[[int, int], None]


def download_weights(
    folder: Path,
    *,
    timeout: float,
    total_timeout: float = 900,
    url: str = WEIGHTS_URL,
    progress: ProgressCallback = lambda done, total: None,
) -> Path:
    """Download the weights (58 MB) into `folder` and verify them. An existing file is replaced only if all is well.

    Args:
        timeout: seconds to wait for the connection and for each chunk of data.
        total_timeout: seconds for the whole download.
        progress: called with the numbers of received and total bytes; the total is 0 if the server does not send it.

    Returns:
        the path of the file.

    Raises:
        WeightsUnavailable: the download failed or timed out, or the file cannot be written.
        WeightsDamaged: the content is not what Keras publishes.
    """
    path = folder / VGG16_FILE
    try:
        with atomic_write(path) as temp_path:
            _download(url, temp_path, timeout, time.monotonic() + total_timeout, progress)
            _verify_md5(temp_path, url)
    except (OSError, HTTPException) as error:
        raise WeightsUnavailable(
            "VGG16's ImageNet weights could not be downloaded from {url}: {error}. {hint}",
            url=url,
            error=_error_message(error),
            hint=missing_weights_hint(None),
        ) from error
    return path


def _download(url: str, temp_path: Path, timeout: float, deadline: float, progress: ProgressCallback) -> None:
    with urllib.request.urlopen(url, timeout=timeout) as response, temp_path.open("wb") as file:  # noqa: S310, a constant URL
        total, received = int(response.headers.get("Content-Length") or 0), 0
        # `read1` returns the data that has arrived. `read` would wait for a whole chunk, so that a slow server could
        # exceed the deadline.
        while chunk := response.read1(CHUNK_BYTES):
            if time.monotonic() > deadline:
                raise TimeoutError("the download took too long")
            file.write(chunk)
            received += len(chunk)
            progress(received, total)
    if received < total:
        raise ConnectionError(f"the connection was closed after {received} of {total} bytes")


def _error_message(error: Exception) -> str:
    """Return a readable message: that of an HTTPError contains its status, other URLErrors wrap the actual error."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__


def _verify_md5(temp_path: Path, url: str) -> None:
    with temp_path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if md5 != VGG16_MD5:
        raise WeightsDamaged(
            "{url} did not send the VGG16 weights file that Keras publishes: its MD5 is {found} instead of {expected}. "
            "The download was deleted. {hint}",
            url=url,
            found=md5,
            expected=VGG16_MD5,
            hint=missing_weights_hint(None),
        )
