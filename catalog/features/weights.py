"""Weights files: their location, verification and content."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np

from catalog.exceptions import Message, WeightsDamaged, WeightsUnavailable, gettext_noop
from catalog.features.networks import VGG16, VGG16_COMPACT, Architecture, Convolution

# Published in keras/src/applications/vgg16.py (WEIGHTS_PATH_NO_TOP and its file_hash, an MD5):
# https://github.com/keras-team/keras/blob/master/keras/src/applications/vgg16.py
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG16_MD5 = "6d6bbae143d832006294945121d1f1fc"
COMPACT_FILE = Path(__file__).parent / "compact" / "vgg16-compact.h5"

LayerWeights = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Weights:
    """A weights file. `digest` is the SHA-256 (hex) of its bytes."""

    path: Path
    architecture: Architecture
    digest: str


def compact_weights() -> Weights:
    """Return the weights of the bundled compact network.

    Raises:
        WeightsUnavailable: the installation is incomplete.
    """
    return Weights(
        COMPACT_FILE, VGG16_COMPACT, file_digest(COMPACT_FILE, Message(gettext_noop("Reinstall the program.")))
    )


def vgg16_weights(configured_path: Path | None) -> Weights:
    """Return VGG16's ImageNet weights.

    Args:
        configured_path: the configured file; None to use the cache of Keras.

    Raises:
        WeightsUnavailable: the file is missing or cannot be read.
        WeightsDamaged: it is not the file that Keras publishes.
    """
    path = configured_path or keras_cache_dir() / VGG16_FILE
    if not path.is_file():
        raise WeightsUnavailable(
            "VGG16's ImageNet weights are missing: there is no file {path}. {hint}",
            path=path,
            hint=missing_weights_hint(configured_path),
        )
    md5 = file_digest(path, missing_weights_hint(configured_path), "md5")
    if md5 != VGG16_MD5:
        raise WeightsDamaged(
            "{path} is not the VGG16 weights file that Keras publishes: its MD5 is {found} instead of {expected}. "
            "It may be incomplete, or include the top layers. Delete it. {hint}",
            path=path,
            found=md5,
            expected=VGG16_MD5,
            hint=missing_weights_hint(configured_path),
        )
    return Weights(path, VGG16, file_digest(path, missing_weights_hint(configured_path)))


def missing_weights_hint(configured_path: Path | None) -> Message:
    """Return what to do about missing weights."""
    if configured_path:
        return Message(gettext_noop("Put {file} there, or unset IMAGESEARCH_VGG16_WEIGHTS."), file=VGG16_FILE)
    return Message(
        gettext_noop(
            "Run `python manage.py fetch_weights`, put {file} into {folder}, or set IMAGESEARCH_VGG16_WEIGHTS to its "
            "path. To use the bundled compact network instead, set IMAGESEARCH_EXTRACTOR=vgg16-compact."
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


def read_layers(weights: Weights) -> LayerWeights:
    """Return the kernel, float32 (height, width, inputs, outputs), and bias, float32 (outputs,), of each layer.

    Raises:
        WeightsUnavailable: the file cannot be read.
        WeightsDamaged: it has changed since `weights` was created, is not an HDF5 file, or lacks a layer.
    """
    if file_digest(weights.path, Message(gettext_noop("Restore the file."))) != weights.digest:
        # Otherwise descriptors of other weights would be assigned to the feature space of these.
        raise WeightsDamaged("{path} has changed since the program started. Restart the program.", path=weights.path)
    try:
        with h5py.File(weights.path, "r") as file:
            return {layer.name: _read_layer(file, layer) for layer in weights.architecture.convolutions()}
    except (OSError, ValueError) as error:
        raise WeightsDamaged(
            "{path} does not contain the weights of {name}: {error}.",
            path=weights.path,
            name=weights.architecture.name,
            error=error,
        ) from error


def _read_layer(file: h5py.File, layer: Convolution) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias, which Keras versions name differently (`kernel:0`, `…_W_1:0`)."""
    group = file.get(layer.name)
    if not isinstance(group, h5py.Group):
        raise ValueError(f"it has no layer {layer.name}")
    arrays: list[np.ndarray] = []
    group.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    arrays.sort(key=np.ndim, reverse=True)
    shapes = [array.shape for array in arrays]
    expected = [(3, 3, layer.in_channels, layer.out_channels), (layer.out_channels,)]
    if shapes != expected:
        raise ValueError(f"the arrays of its layer {layer.name} have the shapes {shapes} instead of {expected}")
    kernel, bias = arrays
    return kernel.astype(np.float32), bias.astype(np.float32)
