"""Image encoders in ONNX files, with a description beside them: see `network_description` and docs/networks.md."""

import hashlib
import mmap
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.exceptions import Message, WeightsDamaged, WeightsUnavailable, gettext_noop
from catalog.features import weights
from catalog.features.networks import ONNX_PREFIX, OUTPUT_LAYER, ExtractorConfig, onnx_graph, output_channels
from catalog.features.networks.network_description import NetworkDescription, read_description
from catalog.features.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

MAX_FILE_BYTES = 1 << 31  # a limit of the format: https://protobuf.dev/programming-guides/proto-limits/
# The stem is part of keys, file names and URLs.
STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,34}", re.ASCII)
# The key "location" of a StringStringEntryProto, by which a tensor refers to another file (onnx.proto).
EXTERNAL_DATA_MARK = b"\x0a\x08location"


@dataclass(frozen=True)
class OnnxNetwork:
    """An image encoder in an ONNX file. See `networks.Network`."""

    path: Path
    description: NetworkDescription
    digest: str

    @property
    def name(self) -> str:
        return ONNX_PREFIX + self.path.stem

    @property
    def recipe(self) -> ExtractorConfig:
        """The settings of a new feature space. The network is tried before: see `onnx_graph.try_model`."""
        _cached_trial(self)
        description = self.description
        return ExtractorConfig((description.side,), OUTPUT_LAYER, description.pooling, description.aspect)

    def channels(self, layer: str) -> int:
        if layer != OUTPUT_LAYER:
            raise ValueError(f"{self.name} has no layer {layer!r}.")
        return output_channels(self)

    def build_model(self, layer: str, precision: str) -> "openvino.Model":
        if layer != OUTPUT_LAYER or precision != "float32":
            raise ValueError(f"{self.name} has no layer {layer!r} in the precision {precision!r}.")
        if _files_digest(self.path) != self.digest:
            raise WeightsDamaged("{path} has changed since the program started. Restart the program.", path=self.path)
        openvino, _ = import_openvino()
        try:
            encoder = openvino.Core().read_model(str(self.path))
        except RuntimeError as error:
            raise WeightsDamaged(
                "OpenVINO cannot read {path}: {error}", path=self.path, error=onnx_graph.reason(error)
            ) from error
        return onnx_graph.build_model(encoder, self.description, self.path)


def open_onnx(path: Path) -> OnnxNetwork:
    """Return the network of an ONNX file with its description, the file of the same name with the suffix .toml.

    Raises:
        WeightsUnavailable: a file is missing, too large or has an unsuitable name, or the description has an error.
    """
    if not STEM.fullmatch(path.stem):
        raise WeightsUnavailable(
            "{path}: rename the file. The name of an ONNX file may have up to 35 letters, digits, full stops, hyphens "
            "and underscores before .onnx.",
            path=path,
        )
    _check_file(path)
    description = read_description(_description_path(path))
    return OnnxNetwork(path, description, _files_digest(path))


def _description_path(path: Path) -> Path:
    return path.with_suffix(".toml")


def _check_file(path: Path) -> None:
    try:
        stat = path.stat()
        if stat.st_size > MAX_FILE_BYTES:
            raise WeightsUnavailable(
                "{path} has {size} MB, but at most {limit} MB are allowed. Export a smaller network, or only the image "
                "encoder.",
                path=path,
                size=stat.st_size >> 20,
                limit=MAX_FILE_BYTES >> 20,
            )
        if stat.st_size and _cached_external_data(path, stat.st_mtime_ns, stat.st_size):
            raise WeightsUnavailable(
                "{path} keeps its weights in another file. Export it again with the weights inside: in PyTorch with "
                "external_data=False.",
                path=path,
            )
    except OSError as error:
        raise WeightsUnavailable(
            "{path} cannot be read: {error}. IMAGESEARCH_EXTRACTOR must be the path of an ONNX file.",
            path=path,
            error=error.strerror or error,
        ) from error


@lru_cache(maxsize=8)
def _cached_external_data(path: Path, _mtime_ns: int, _size: int) -> bool:
    """Return whether a tensor is stored in another file. Checked once for each state of the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(EXTERNAL_DATA_MARK) >= 0


def _files_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of the digests of both files. Raises WeightsUnavailable if one cannot be read."""
    hint = Message(gettext_noop("Restore the file."))
    digests = [weights.file_digest(file, hint) for file in (path, _description_path(path))]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@lru_cache(maxsize=8)
def _cached_trial(network: OnnxNetwork) -> None:
    onnx_graph.try_model(network.build_model(OUTPUT_LAYER, "float32"), network.description, network.path)
