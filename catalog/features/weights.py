"""Weights files: their location and verification."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from catalog.exceptions import Message, WeightsDamaged, WeightsUnavailable, gettext_noop

# Published in keras/src/applications/vgg16.py (WEIGHTS_PATH_NO_TOP and its file_hash, an MD5):
# https://github.com/keras-team/keras/blob/master/keras/src/applications/vgg16.py
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG16_MD5 = "6d6bbae143d832006294945121d1f1fc"


def find_vgg16_file(configured_path: Path | None) -> Path:
    """Return the path of VGG16's weights: the configured file, or the one in the cache of Keras.

    Raises:
        WeightsUnavailable: there is no such file.
    """
    path = configured_path or keras_cache_dir() / VGG16_FILE
    if not path.is_file():
        raise WeightsUnavailable(
            "VGG16's ImageNet weights are missing: there is no file {path}. {hint}",
            path=path,
            hint=missing_weights_hint(configured_path),
        )
    return path


def has_published_digest(path: Path, configured_path: Path | None) -> bool:
    """Return whether a file is the one that Keras publishes, by its MD5.

    Raises:
        WeightsUnavailable: the file cannot be read.
        WeightsDamaged: it is another file, and no path is configured: so it is a download that went wrong.
    """
    md5 = file_digest(path, missing_weights_hint(configured_path), "md5")
    if md5 != VGG16_MD5 and not configured_path:
        raise WeightsDamaged(
            "{path} is not the VGG16 weights file that Keras publishes: its MD5 is {found} instead of {expected}. "
            "It may be incomplete, or include the top layers. Delete it. {hint}",
            path=path,
            found=md5,
            expected=VGG16_MD5,
            hint=missing_weights_hint(configured_path),
        )
    return md5 == VGG16_MD5


def missing_weights_hint(configured_path: Path | None) -> Message:
    """Return what to do about missing weights."""
    if configured_path:
        return Message(gettext_noop("Put {file} there, or unset IMAGESEARCH_VGG16_WEIGHTS."), file=VGG16_FILE)
    return Message(
        gettext_noop(
            "Run `python manage.py fetch_weights`, put {file} into {folder}, or set IMAGESEARCH_VGG16_WEIGHTS to its "
            "path. To use the bundled network instead, set IMAGESEARCH_EXTRACTOR=efficientnet-lite2."
        ),
        file=VGG16_FILE,
        folder=keras_cache_dir(),
    )


def keras_cache_dir() -> Path:
    """Return the folder in which Keras stores its downloads: https://keras.io/api/utils/python_utils/#getfile-function."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def file_digest(path: Path, hint: Message | str, algorithm: str = "sha256") -> str:
    """Return the digest of a file, in hex.

    Args:
        hint: what to do if the file cannot be read, for the error message.
        algorithm: a name that `hashlib.new` accepts.

    Raises:
        WeightsUnavailable: the file cannot be read.
    """
    try:
        stat = path.stat()
        return _cached_file_digest(path, stat.st_mtime_ns, stat.st_size, algorithm)
    except OSError as error:
        raise WeightsUnavailable(
            "{path} cannot be read: {error}. {hint}", path=path, error=error.strerror or error, hint=hint
        ) from error


@lru_cache(maxsize=8)
def _cached_file_digest(path: Path, mtime_ns: int, size: int, algorithm: str) -> str:
    """Compute the digest once for each state of the file, identified by its modification time and size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def require_digest(path: Path, digest: str) -> None:
    """Raise WeightsDamaged if a file has changed since its SHA-256 was taken; WeightsUnavailable if it is not readable.

    Otherwise descriptors of other weights would be assigned to the feature space of these.
    """
    if file_digest(path, Message(gettext_noop("Restore the file."))) != digest:
        raise WeightsDamaged("{path} has changed since the program started. Restart the program.", path=path)
