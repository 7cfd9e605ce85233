"""A weights file → the two files that ncnn reads, made once and kept.

`.param` is a short text that names the layers, `.bin` their weights as raw float32:
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure. ncnn reads no further than the layers
that the text announces, so that the SHA-256 of the `.bin` has its place in a line below them.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from catalog.durability import whole_file
from catalog.exceptions import StoreUnavailable
from catalog.features.architectures import Architecture, Convolution
from catalog.features.weights import Weights, read

MAGIC = "7767517"
RAW_FLOAT32 = bytes(4)  # the flag in front of each kernel


def convert(weights: Weights, cache: Path) -> tuple[Path, Path]:
    """ncnn's `.param` and `.bin` for these weights, made unless they are there and whole.

    Processes that convert at once write the same bytes: it does not matter who is last.

    Raises:
        WeightsUnavailable, WeightsDamaged: the weights file cannot be read.
        StoreUnavailable: `cache` cannot be written to.
    """
    stem = f"{weights.architecture.name}-{weights.digest}"
    param, model = cache / f"{stem}.param", cache / f"{stem}.bin"
    if not _are_whole(param, model, weights.architecture):
        numbers = b"".join(_numbers(weights))
        text = _text(weights.architecture, hashlib.sha256(numbers).hexdigest())
        try:
            _write(model, numbers)
            _write(param, text.encode())
        except OSError as fault:
            raise StoreUnavailable(
                "The network cannot be written to {path}: {fault}.", path=cache, fault=fault.strerror or fault
            ) from fault
    return param, model


def _are_whole(param: Path, model: Path, architecture: Architecture) -> bool:
    """Whether the files are those that were written: a cut-off model would load, and describe nonsense."""
    try:
        with model.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return param.read_bytes() == _text(architecture, digest).encode()
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    with whole_file(path) as draft:
        draft.write_bytes(data)


def _text(architecture: Architecture, digest: str) -> str:
    """One line a layer: type, name, blobs in and out, parameters."""
    lines = ["Input data 0 1 data"]
    blob = "data"
    for layer in architecture.layers():
        if isinstance(layer, Convolution):
            # outputs, kernel side, padding, bias, weights, ReLU
            settings = f"0={layer.outputs} 1=3 4=1 5=1 6={9 * layer.inputs * layer.outputs} 9=1"
            lines.append(f"Convolution {layer.name} 1 1 {blob} {layer.name} {settings}")
        else:
            # the maximum, window, stride, and as in Keras no window over the edge
            lines.append(f"Pooling {layer.name} 1 1 {blob} {layer.name} 0=0 1=2 2=2 5=1")
        blob = layer.name
    return "\n".join([MAGIC, f"{len(lines)} {len(lines)}", *lines, f"sha256 {digest}", ""])


def _numbers(weights: Weights) -> Iterator[bytes]:
    """For each layer a flag, outputs × inputs × 3 × 3, and the biases."""
    for kernel, bias in read(weights).values():
        yield RAW_FLOAT32
        yield kernel.transpose(3, 2, 0, 1).astype("<f4").tobytes()
        yield bias.astype("<f4").tobytes()
