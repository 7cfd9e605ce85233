"""Conversion of a weights file to the two files that ncnn reads. They are cached.

`.param` is a short text that lists the layers, `.bin` contains their weights as raw float32:
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure. ncnn ignores all that follows the declared number
of layers, so a last line stores the SHA-256 of the `.bin` file.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from catalog.atomic_write import atomic_write
from catalog.exceptions import StoreUnavailable
from catalog.features.networks import Architecture, Convolution
from catalog.features.weights import Weights, read_layers

PARAM_MAGIC = "7767517"
FLOAT32_FLAG = bytes(4)  # precedes each kernel


def convert_to_ncnn(weights: Weights, cache_dir: Path) -> tuple[Path, Path]:
    """Return the paths of the `.param` and `.bin` files of these weights; convert the weights if needed.

    Processes that convert concurrently write the same bytes, so they need no lock.

    Raises:
        WeightsUnavailable: the weights file cannot be read.
        WeightsDamaged: the weights file is damaged.
        StoreUnavailable: `cache_dir` cannot be written to.
    """
    stem = f"{weights.architecture.name}-{weights.digest}"
    param_path, model_path = cache_dir / f"{stem}.param", cache_dir / f"{stem}.bin"
    if not _are_intact(param_path, model_path, weights.architecture):
        model_bytes = b"".join(_weight_chunks(weights))
        param_text = _build_param_text(weights.architecture, hashlib.sha256(model_bytes).hexdigest())
        try:
            _write(model_path, model_bytes)
            _write(param_path, param_text.encode())
        except OSError as error:
            raise StoreUnavailable(
                "The converted network cannot be written to {path}: {error}. Check free space and permissions.",
                path=cache_dir,
                error=error.strerror or error,
            ) from error
    return param_path, model_path


def _are_intact(param_path: Path, model_path: Path, architecture: Architecture) -> bool:
    """Return whether both files are complete. ncnn would load an incomplete model and compute nonsense."""
    try:
        with model_path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return param_path.read_bytes() == _build_param_text(architecture, digest).encode()
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path) as temp_path:
        temp_path.write_bytes(data)


def _build_param_text(architecture: Architecture, digest: str) -> str:
    """Return one line per layer: type, name, number of input and output blobs, their names, parameters."""
    lines = ["Input data 0 1 data"]
    blob = "data"
    for layer in architecture.layers():
        if isinstance(layer, Convolution):
            # output channels, kernel size, padding, bias, number of weights, ReLU
            parameters = f"0={layer.out_channels} 1=3 4=1 5=1 6={9 * layer.in_channels * layer.out_channels} 9=1"
            lines.append(f"Convolution {layer.name} 1 1 {blob} {layer.name} {parameters}")
        else:
            # max pooling, kernel size, stride, and as in Keras no padding at the edge
            lines.append(f"Pooling {layer.name} 1 1 {blob} {layer.name} 0=0 1=2 2=2 5=1")
        blob = layer.name
    return "\n".join([PARAM_MAGIC, f"{len(lines)} {len(lines)}", *lines, f"sha256 {digest}", ""])


def _weight_chunks(weights: Weights) -> Iterator[bytes]:
    """Yield for each layer a flag, the kernel (outputs, inputs, 3, 3) and the bias."""
    for kernel, bias in read_layers(weights).values():
        yield FLOAT32_FLAG
        yield kernel.transpose(3, 2, 0, 1).astype("<f4").tobytes()
        yield bias.astype("<f4").tobytes()
