"""Opening of networks by the name that settings and feature spaces use."""

import logging
from collections.abc import Callable
from pathlib import Path

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.networks import KERAS_PREFIX, ONNX_PREFIX, Network, NetworkSources
from catalog.features.networks.efficientnet_lite import NAME as EFFICIENTNET
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.features.networks.vgg16 import NAME as VGG16
from catalog.features.networks.vgg16 import vgg16_network

logger = logging.getLogger(__name__)

ONNX_SUFFIX = ".onnx"


def open_network(preference: str, sources: NetworkSources) -> Network:
    """Return a network, from the files on this disk.

    Args:
        preference: a value of IMAGESEARCH_EXTRACTOR: `vgg16`, `efficientnet-lite2`, the path of an ONNX file,
            `keras:<Name>`, or `auto`: VGG16 if its weights are found, otherwise EfficientNet-Lite2. Or the name of a
            network, `onnx:<file stem>`.

    Raises:
        WeightsUnavailable: there is no such network; or VGG16 is preferred or its file configured, and the file is
            missing.
        WeightsDamaged: the same, and the file is damaged.
    """
    for matches, open_preferred in _OPENERS:
        if matches(preference):
            return open_preferred(preference, sources)
    raise WeightsUnavailable(
        "IMAGESEARCH_EXTRACTOR is {value}. Set it to auto, vgg16, efficientnet-lite2, the path of an ONNX file, or "
        "keras: and the name of a network of keras.applications.",
        value=repr(preference),
    )


def _open_default(_preference: str, sources: NetworkSources) -> Network:
    try:
        return vgg16_network(sources.vgg16_weights)
    except WeightsUnavailable as error:
        if sources.vgg16_weights:
            raise
        if isinstance(error, WeightsDamaged):
            logger.warning("%s", error)
        return efficientnet_lite2_network()


def _open_onnx(preference: str, sources: NetworkSources) -> Network:
    from catalog.features.networks.onnx_network import open_onnx

    return open_onnx(_find_onnx_file(preference, sources))


def _find_onnx_file(preference: str, sources: NetworkSources) -> Path:
    """Return the path of an ONNX file. One that is not the preference any more is found in the folder of models."""
    if preference.endswith(ONNX_SUFFIX):
        return Path(preference).expanduser()
    name = preference.removeprefix(ONNX_PREFIX) + ONNX_SUFFIX
    configured = Path(sources.preference).expanduser()
    path = configured if configured.name == name else sources.models_dir / name
    if not path.is_file():
        raise WeightsUnavailable(
            "The catalogue was indexed with {name}, which is not set any more. Set IMAGESEARCH_EXTRACTOR to its path, "
            "put the file and its TOML file into {folder}, or run: python manage.py rebuild_index --reextract",
            name=name,
            folder=sources.models_dir,
        )
    return path


def _open_keras(preference: str, sources: NetworkSources) -> Network:
    from catalog.features.networks.keras_network import open_keras

    return open_keras(preference.removeprefix(KERAS_PREFIX), sources.models_dir, may_convert=sources.may_convert)


# A condition on the preference, and the function that opens the network.
_OPENERS: list[tuple[Callable[[str], bool], Callable[[str, NetworkSources], Network]]] = [
    (lambda preference: preference == "auto", _open_default),
    (lambda preference: preference == VGG16, lambda _, sources: vgg16_network(sources.vgg16_weights)),
    (lambda preference: preference == EFFICIENTNET, lambda _, sources: efficientnet_lite2_network()),
    (lambda preference: preference.endswith(ONNX_SUFFIX) or preference.startswith(ONNX_PREFIX), _open_onnx),
    (lambda preference: preference.startswith(KERAS_PREFIX), _open_keras),
]
