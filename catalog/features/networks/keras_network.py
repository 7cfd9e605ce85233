"""Networks of keras.applications, converted once by `keras_conversion` in a process of its own."""

import difflib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from catalog.atomic_write import atomic_write
from catalog.exceptions import Message, NetworkNotConverted, WeightsDamaged, WeightsUnavailable, gettext_noop
from catalog.features import weights
from catalog.features.networks import KERAS_PREFIX, OUTPUT_LAYER, ExtractorConfig, output_channels
from catalog.features.openvino_import import import_openvino
from catalog.locks import file_lock

if TYPE_CHECKING:
    import openvino

# Names of converted files.
CONVERTED_PREFIX, CONVERTED_SUFFIX = "keras-", ".h5"
CHECKOUT = Path(__file__).resolve().parents[3]
CONVERSION_MODULE = "catalog.features.networks.keras_conversion"
CONVERSION_TIMEOUT = 1800.0  # seconds, with the download of the weights
FORMAT = b"imagesearch keras network 1"
ASPECTS, POOLINGS = ("kept", "squashed"), ("gem", "none")

# Names by the side of the input, in pixels, for which the network was trained.
NAMES_BY_SIDE = {
    224: "ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge DenseNet121 DenseNet169 DenseNet201 "
    "EfficientNetB0 EfficientNetV2B0 MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large NASNetMobile ResNet50 "
    "ResNet50V2 ResNet101 ResNet101V2 ResNet152 ResNet152V2 VGG16 VGG19",
    240: "EfficientNetB1 EfficientNetV2B1",
    260: "EfficientNetB2 EfficientNetV2B2",
    299: "InceptionResNetV2 InceptionV3 Xception",
    300: "EfficientNetB3 EfficientNetV2B3",
    331: "NASNetLarge",
    380: "EfficientNetB4",
    384: "EfficientNetV2S",
    456: "EfficientNetB5",
    480: "EfficientNetV2M EfficientNetV2L",
    528: "EfficientNetB6",
    600: "EfficientNetB7",
}
APPLICATIONS = {name: side for side, names in NAMES_BY_SIDE.items() for name in names.split()}


@dataclass(frozen=True)
class KerasNetwork:
    """A network of keras.applications, from the file of its conversion. See `networks.Network`."""

    path: Path
    application: str
    digest: str
    aspect: str
    pooling: str

    @property
    def name(self) -> str:
        return KERAS_PREFIX + self.application

    @property
    def recipe(self) -> ExtractorConfig:
        return ExtractorConfig((APPLICATIONS[self.application],), OUTPUT_LAYER, self.pooling, self.aspect)

    def channels(self, layer: str) -> int:
        if layer != OUTPUT_LAYER:
            raise ValueError(f"{self.name} has no layer {layer!r}.")
        return output_channels(self)

    def build_model(self, layer: str, precision: str) -> "openvino.Model":
        if layer != OUTPUT_LAYER or precision != "float32":
            raise ValueError(f"{self.name} has no layer {layer!r} in the precision {precision!r}.")
        weights.require_digest(self.path, self.digest)
        openvino, _ = import_openvino()
        try:
            with h5py.File(self.path, "r") as file:
                graph = file["graph"][()].tobytes()
                numbers = openvino.Tensor(openvino.Type.u8, openvino.Shape(file["weights"].shape))
                file["weights"].read_direct(numbers.data)
            return openvino.Core().read_model(graph, numbers)
        except (OSError, KeyError, RuntimeError) as error:
            raise _damaged(self.path) from error


def converted_path(application: str, models_dir: Path) -> Path:
    """Return the path of a converted network."""
    return models_dir / f"{CONVERTED_PREFIX}{application}{CONVERTED_SUFFIX}"


def converted_applications(models_dir: Path) -> list[str]:
    """Return the names of the networks that are converted already, in alphabetical order."""
    paths = sorted(models_dir.glob(f"{CONVERTED_PREFIX}*{CONVERTED_SUFFIX}"))
    return [path.stem.removeprefix(CONVERTED_PREFIX) for path in paths]


def open_keras(application: str, models_dir: Path, *, may_convert: bool = True) -> KerasNetwork:
    """Return a network of keras.applications.

    If it was not converted yet, this takes a minute and loads TensorFlow in a process of its own.

    Args:
        application: the name of the function, such as "ConvNeXtTiny".
        models_dir: the folder of the converted file.
        may_convert: whether to convert it if this was not done before.

    Raises:
        WeightsUnavailable: there is no such application, or its weights could not be downloaded or converted, or it is
            not converted yet (NetworkNotConverted).
        WeightsDamaged: the converted file is damaged.
        CatalogueBusy: another process is still converting it.
    """
    if application not in APPLICATIONS:
        raise WeightsUnavailable(
            "keras.applications has no network {name}. Similar names: {names}. See https://keras.io/api/applications/",
            name=repr(application[:100]),
            names=", ".join(_similar_names(application)),
        )
    path = converted_path(application, models_dir)
    if not path.exists() and not may_convert:
        raise NetworkNotConverted(
            "The network {name} is not converted yet. A worker does this before it indexes the next image.",
            name=application,
        )
    if not path.exists():
        with file_lock(path.with_suffix(".lock"), timeout=CONVERSION_TIMEOUT):
            if not path.exists():
                _remove_work_folders(path)
                convert_application(application, path)
    digest = weights.file_digest(path, Message(gettext_noop("Delete the file; it is then created again.")))
    return _read_attributes(path, application, digest)


def convert_application(
    application: str, path: Path, *, weights_name: str = "imagenet", timeout: float = CONVERSION_TIMEOUT
) -> None:
    """Convert a network of keras.applications to a file for `KerasNetwork`, in a process of its own.

    Args:
        weights_name: "imagenet", from the cache of Keras or downloaded, or "random".
        timeout: in seconds.

    Raises:
        WeightsUnavailable: it failed or took too long. No file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent.resolve(), prefix=_work_folder_prefix(path)) as folder:
        result = _run_conversion(application, weights_name, Path(folder), timeout)
        with atomic_write(path) as temp_path, h5py.File(temp_path, "w") as file:
            for name, part in (("graph", "model.xml"), ("weights", "model.bin")):
                file.create_dataset(name, data=np.fromfile(Path(folder) / part, np.uint8))
            attributes = {"format": FORMAT, "aspect": result["aspect"].encode(), "pooling": result["pooling"].encode()}
            for name, value in attributes.items():
                file.attrs[name] = np.bytes_(value)


def _work_folder_prefix(path: Path) -> str:
    return f".{path.stem}-"


def _remove_work_folders(path: Path) -> None:
    """Remove what killed processes left. Call it with the lock held."""
    for folder in path.parent.glob(_work_folder_prefix(path) + "*"):
        shutil.rmtree(folder, ignore_errors=True)


def _run_conversion(application: str, weights_name: str, folder: Path, timeout: float) -> dict[str, str]:
    arguments = [application, str(APPLICATIONS[application]), weights_name, str(folder)]
    try:
        completed = subprocess.run(  # noqa: S603, the name of the application was checked
            [sys.executable, "-m", CONVERSION_MODULE, *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _download_failed(application, f"no result after {timeout:.0f} s") from None
    try:
        result: dict[str, str] = json.loads(completed.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        lines = completed.stderr.strip().splitlines() or [f"exit status {completed.returncode}"]
        result = {"failure": "other", "message": lines[-1]}
    if result.get("failure") == "download":
        raise _download_failed(application, result["message"])
    if "failure" in result:
        raise WeightsUnavailable(
            "{name} of keras.applications could not be converted: {error}. Set IMAGESEARCH_EXTRACTOR to another "
            "network.",
            name=application,
            error=result["message"][:500],
        )
    return result


def _download_failed(application: str, error: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        "The ImageNet weights of {name} could not be downloaded: {error}. On a computer with internet access and "
        'Keras, run: python -c "import keras; keras.applications.{name}(include_top=False)". Then copy the newest file '
        "from ~/.keras/models there to {folder} here, and try again.",
        name=application,
        error=error[:500],
        folder=weights.keras_cache_dir(),
    )


def _similar_names(application: str) -> list[str]:
    by_lower_case = {name.lower(): name for name in APPLICATIONS}
    close = difflib.get_close_matches(application.lower(), by_lower_case, n=8, cutoff=0.5)
    return sorted(by_lower_case[name] for name in close) or sorted(APPLICATIONS)


def _read_attributes(path: Path, application: str, digest: str) -> KerasNetwork:
    try:
        with h5py.File(path, "r") as file:
            texts = {name: bytes(file.attrs[name]) for name in ("format", "aspect", "pooling")}
    except (OSError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    aspect, pooling = texts["aspect"].decode("ascii", "replace"), texts["pooling"].decode("ascii", "replace")
    if texts["format"] != FORMAT or aspect not in ASPECTS or pooling not in POOLINGS:
        raise _damaged(path)
    return KerasNetwork(path, application, digest, aspect, pooling)


def _damaged(path: Path) -> WeightsDamaged:
    return WeightsDamaged("{path} is damaged. Delete the file; it is then created again.", path=path)
