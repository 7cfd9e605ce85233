"""Weights files: where they are, whether they are what they should be, and what is in them."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.architectures import VGG16, VGG16_COMPACT, Architecture, Convolution

# As published in keras/src/applications/vgg16.py (WEIGHTS_PATH_NO_TOP and its file_hash, an MD5):
# https://github.com/keras-team/keras/blob/master/keras/src/applications/vgg16.py
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG16_MD5 = "6d6bbae143d832006294945121d1f1fc"
COMPACT_FILE = Path(__file__).parent / "compact" / "vgg16-compact.h5"

Layers = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Weights:
    """A weights file. `digest` is the SHA-256 (hex) of its bytes."""

    path: Path
    architecture: Architecture
    digest: str


def compact() -> Weights:
    """The bundled compact network.

    Raises:
        WeightsUnavailable: the installation is not whole.
    """
    return Weights(COMPACT_FILE, VGG16_COMPACT, digest(COMPACT_FILE, "Install the program again."))


def vgg16(named: Path | None) -> Weights:
    """VGG16's ImageNet weights: the file that somebody `named`, else the one in Keras's cache.

    Raises:
        WeightsUnavailable: there is no such file, or it cannot be read.
        WeightsDamaged: it is not the file that Keras publishes.
    """
    path = named or keras_cache() / VGG16_FILE
    if not path.is_file():
        raise WeightsUnavailable(
            "VGG16's ImageNet weights are not at {path}. {remedy}", path=path, remedy=remedy(named)
        )
    found = digest(path, remedy(named), "md5")
    if found != VGG16_MD5:
        raise WeightsDamaged(
            "{path} is not the file of VGG16 weights that Keras publishes: its MD5 is {found} and should be "
            "{expected}. It may be cut off, or the weights with the top. Remove it. {remedy}",
            path=path,
            found=found,
            expected=VGG16_MD5,
            remedy=remedy(named),
        )
    return Weights(path, VGG16, digest(path, remedy(named)))


def remedy(named: Path | None) -> str:
    """What to do about missing weights, in a sentence."""
    if named:
        return f"Put {VGG16_FILE} there, or unset IMAGESEARCH_VGG16_WEIGHTS."
    return (
        f"Put {VGG16_FILE} into {keras_cache()}, name its place in IMAGESEARCH_VGG16_WEIGHTS, run "
        "`python manage.py fetch_weights` where there is a network, or go on with the bundled compact "
        "network (IMAGESEARCH_EXTRACTOR=vgg16-compact)."
    )


def keras_cache() -> Path:
    """Where Keras keeps what it downloads: https://keras.io/api/utils/python_utils/#getfile-function."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def digest(path: Path, remedy: str, algorithm: str = "sha256") -> str:
    """The digest of a file, in hex; `remedy` is what to do if it cannot be read.

    Raises:
        WeightsUnavailable: it cannot be read.
    """
    try:
        stat = path.stat()
        return _digest(path, stat.st_mtime_ns, stat.st_size, algorithm)
    except OSError as fault:
        raise WeightsUnavailable(
            "{path} cannot be read: {fault}. {remedy}",
            path=path,
            fault=fault.strerror or fault,
            remedy=remedy,
        ) from fault


@lru_cache(maxsize=8)
def _digest(path: Path, modified: int, size: int, algorithm: str) -> str:
    """Worked out once for each state of the file, which its time and size stand for."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def read(weights: Weights) -> Layers:
    """Kernels (float32, height × width × inputs × outputs) and biases (float32, outputs) by layer.

    Raises:
        WeightsUnavailable: the file cannot be read.
        WeightsDamaged: it was changed since `weights` was made, is no HDF5 file, or lacks a layer.
    """
    if digest(weights.path, "Put it back.") != weights.digest:
        # Descriptors of other weights would go under the name of these.
        raise WeightsDamaged("{path} has changed. Start the program again.", path=weights.path)
    try:
        with h5py.File(weights.path, "r") as file:
            return {one.name: _layer(file, one) for one in weights.architecture.convolutions()}
    except (OSError, ValueError) as fault:
        raise WeightsDamaged(
            "{path} does not hold the weights of {name}: {fault}.",
            path=weights.path,
            name=weights.architecture.name,
            fault=fault,
        ) from fault


def _layer(file: h5py.File, layer: Convolution) -> tuple[np.ndarray, np.ndarray]:
    """A layer's kernel and bias, whichever way the Keras of its day named them (`kernel:0`, `…_W_1:0`)."""
    group = file.get(layer.name)
    if not isinstance(group, h5py.Group):
        raise ValueError(f"it has no layer {layer.name}")
    arrays: list[np.ndarray] = []
    group.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    arrays.sort(key=np.ndim, reverse=True)
    shapes = [array.shape for array in arrays]
    expected = [(3, 3, layer.inputs, layer.outputs), (layer.outputs,)]
    if shapes != expected:
        raise ValueError(f"its layer {layer.name} has arrays of the shapes {shapes} and should have {expected}")
    kernel, bias = arrays
    return kernel.astype(np.float32), bias.astype(np.float32)
