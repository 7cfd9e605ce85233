"""The networks that this installation can use without a download: for comparisons, and for the choice of a rebuild."""

from pathlib import Path

from django.conf import settings

from catalog.exceptions import WeightsUnavailable
from catalog.features import weights
from catalog.features.networks import KERAS_PREFIX, Network
from catalog.features.networks.efficientnet_lite import NAME as EFFICIENTNET_LITE2
from catalog.features.networks.keras_network import converted_applications, converted_path
from catalog.features.networks.opening import ONNX_SUFFIX
from catalog.features.networks.vgg16 import NAME as VGG16
from catalog.services.index import spaces


def preferences() -> list[str]:
    """Return the networks at hand, as values of IMAGESEARCH_EXTRACTOR. No network is opened: a file may be damaged."""
    found = [EFFICIENTNET_LITE2]
    if settings.VGG16_WEIGHTS or (weights.keras_cache_dir() / weights.VGG16_FILE).exists():
        found.insert(0, VGG16)
    if settings.EXTRACTOR != "auto":
        found.append(settings.EXTRACTOR)
    found += [str(path) for path in sorted(settings.MODELS_DIR.glob(f"*{ONNX_SUFFIX}"))]
    found += [KERAS_PREFIX + application for application in converted_applications(settings.MODELS_DIR)]
    return _without_namesakes(found)


def open_for_rebuild(preference: str) -> Network:
    """Return the network of a value of IMAGESEARCH_EXTRACTOR, for a re-extraction.

    Raises:
        WeightsUnavailable: see `open_network`; or the file is in a place where searches would not find it.
    """
    network = spaces.choose_network(preference, may_convert=True)
    if preference.endswith(ONNX_SUFFIX) and not _is_found_later(network):
        raise WeightsUnavailable(
            "Searches would not find {path}. Set IMAGESEARCH_EXTRACTOR to this path, or put the file and its TOML file "
            "into {folder}.",
            path=preference,
            folder=settings.MODELS_DIR,
        )
    return network


def is_conversion_pending(preference: str) -> bool:
    """Return whether opening the network would first convert it, which takes a minute."""
    path = converted_path(preference.removeprefix(KERAS_PREFIX), settings.MODELS_DIR)
    return preference.startswith(KERAS_PREFIX) and not path.exists()


def _is_found_later(network: Network) -> bool:
    """Return whether the network is also found by its name, as searches do it."""
    try:
        return spaces.choose_network(network.name).digest == network.digest
    except WeightsUnavailable:
        return False


def _without_namesakes(found: list[str]) -> list[str]:
    """Drop ONNX files of the same name as an earlier one, which is the one that searches use, and repetitions."""
    by_name = {Path(value).name if value.endswith(ONNX_SUFFIX) else value: value for value in reversed(found)}
    kept = set(by_name.values())
    return [value for value in dict.fromkeys(found) if value in kept]
